/** The address with `rel="next"` in a Link header (RFC 8288), relative ones resolved against `base`; null when there is none. */
export function nextLink(header: string | null, base: string): string | null {
  // A page's link is short; anything longer is not worth scanning.
  if (!header || header.length > 16_384) return null;
  const link = /<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s",;<>]+))*)/g;
  for (const [, address, parameters] of header.matchAll(link)) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))/i.exec(parameters ?? '');
    if (!(rel?.[1] ?? rel?.[2] ?? '').toLowerCase().split(/\s+/).includes('next')) continue;
    try {
      return new URL(address!, base).href;
    } catch {
      return null;
    }
  }
  return null;
}
