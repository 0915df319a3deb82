/** The sandbox chain's best block, asked over its own wire protocol; null when it does not answer within `timeoutMs`. */
export async function askBlock(url: string, timeoutMs = 2000): Promise<number | null> {
  const socket = new WebSocket(url);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const timer = setTimeout(() => resolve(null), timeoutMs);
  socket.addEventListener('open', () => {
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'chain_getHeader', params: [] }));
  });
  socket.addEventListener('message', ({ data }) => {
    try {
      const { result } = JSON.parse(String(data)) as { result?: { number?: string } };
      const block = Number.parseInt(result?.number ?? '', 16);
      resolve(Number.isNaN(block) ? null : block);
    } catch {
      resolve(null);
    }
  });
  socket.addEventListener('error', () => resolve(null));
  socket.addEventListener('close', () => resolve(null));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}
