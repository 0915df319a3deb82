import { parseUrl } from '../loopback.ts';

/** What keeps a text from being the address of a Hub, as the end of "HF_ENDPOINT …"; null: nothing. */
export function hubAddressProblem(text: string): string | null {
  const url = parseUrl(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '')
    return `must be an address (http://… or https://…), not ${JSON.stringify(text)}`;
  if (url.username || url.password)
    return 'must not hold a user name or password; a token goes into HF_ACCESS_TOKEN';
  if (/[?#]/.test(text))
    return `must end with host or path: paths are added to it, so nothing may follow a ${text.includes('?') ? '?' : '#'} in it`;
  return null;
}
