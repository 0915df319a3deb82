import WebSocket from 'ws';
import type { Sandbox } from '../../src/sandbox/index.ts';

/** Extrinsics of the throwaway hotkey that the chain has included, asked of the node directly. */
export async function nonceOf({ state }: Sandbox): Promise<number> {
  const socket = new WebSocket(state.chain);
  try {
    await new Promise((done, fail) => socket.once('open', done).once('error', fail));
    const call = { jsonrpc: '2.0', id: 1, method: 'system_accountNextIndex', params: [state.wallet.ss58] };
    socket.send(JSON.stringify(call));
    const answer = await new Promise<string>((done) => socket.once('message', (data) => done(String(data))));
    return JSON.parse(answer).result;
  } finally {
    socket.close();
  }
}
