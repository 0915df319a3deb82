/** Whether an address (`http://…`, `wss://…`) is on this machine, told from the name alone: nothing is looked up. */
export function isLoopback(address: string | URL): boolean {
  const host = (typeof address === 'string' ? URL.parse(address) : address)?.hostname ?? '';
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
