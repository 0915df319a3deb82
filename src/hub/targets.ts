import { OutsideError, UserError } from '../errors.ts';
import { isLoopback, leadsInside } from '../loopback.ts';
import { hubAddressProblem } from '../text/address.ts';

/** Checks the setting HF_ENDPOINT and gives it as an origin with path, without a slash at the end. */
export function parseEndpoint(endpoint: string): URL {
  const problem = hubAddressProblem(endpoint);
  if (problem === null) return new URL(endpoint);
  throw new UserError('hub.bad_endpoint', `HF_ENDPOINT ${problem}`, {
    nextSteps: ['HF_ENDPOINT=https://huggingface.co'],
  });
}

/** Refuses an address before any name is looked up or any connection is opened. */
export function checkTarget(url: URL, endpoint: URL, loopbackOnly: boolean): void {
  const refuse = (why: string): never => {
    throw new OutsideError(
      'hub.target_refused',
      `Refused to connect to ${url.protocol}//${url.host}: ${why}.`,
      {
        nextSteps: loopbackOnly ? ['pt sandbox start', 'Leave out --offline.'] : ['Check HF_ENDPOINT.'],
      },
    );
  };
  if (url.protocol !== 'https:' && url.protocol !== 'http:') refuse('not an HTTP address');
  if (loopbackOnly && !isLoopback(url)) refuse('it is not on this machine, and offline work stays here');
  if (endpoint.protocol === 'https:' && url.protocol === 'http:')
    refuse('it is not encrypted, while the Hub is');
  const own = url.hostname === endpoint.hostname || (isLoopback(endpoint) && isLoopback(url));
  if (!own && leadsInside(url))
    refuse('the Hub pointed at a service of this machine, or at one that answers it alone');
}
