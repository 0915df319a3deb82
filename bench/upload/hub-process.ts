import { startHub } from '../../src/sandbox/hub/index.ts';

// The sandbox Hub in a process of its own, so that its work does not count as the client's. argv: its folder.
const hub = await startHub({
  dir: process.argv[2]!,
  tokens: [{ token: process.env.HF_TOKEN!, user: 'bench', role: 'write' }],
});
process.send!({ url: hub.url });
process.on('message', () => process.send!({ traffic: hub.traffic() }));
