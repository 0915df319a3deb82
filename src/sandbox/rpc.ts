import { OutsideError } from '../errors.ts';

/** The sandbox chain's best block, asked over its own wire protocol; null when it does not answer within `timeoutMs`. */
export async function askBlock(url: string, timeoutMs = 2000): Promise<number | null> {
  const header = (await ask(url, 'chain_getHeader', [], timeoutMs)) as { number?: string } | null;
  const block = Number.parseInt(header?.number ?? '', 16);
  return Number.isNaN(block) ? null : block;
}

/** Pays one neuron of the sandbox's subnet all incentive. Throws `chain.unreachable` (5) when the sandbox does not answer. */
export async function pay(url: string, uid: number): Promise<void> {
  if ((await ask(url, 'sandbox_setIncentive', [{ [uid]: 1 }], 10_000)) === true) return;
  throw new OutsideError('chain.unreachable', `The sandbox's chain ${url} does not answer.`, {
    nextSteps: ['pt sandbox status'],
  });
}

/** One call; null for an error, or no answer in time. */
async function ask(url: string, method: string, params: unknown[], timeoutMs: number): Promise<unknown> {
  const socket = new WebSocket(url);
  let resolve!: (block: unknown) => void;
  const promise = new Promise<unknown>((done) => {
    resolve = done;
  });
  const timer = setTimeout(() => resolve(null), timeoutMs);
  socket.addEventListener('open', () => {
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  });
  socket.addEventListener('message', ({ data }) => {
    try {
      resolve((JSON.parse(String(data)) as { result?: unknown }).result ?? null);
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
