import { startHub } from '../../../src/sandbox/hub/index.ts';

// The sandbox Hub in a process of its own, to be killed. argv: its folder.
const hub = await startHub({
  dir: process.argv[2]!,
  tokens: [{ token: 'hf_t', user: 'alice', role: 'write' }],
});
process.stdout.write(`${hub.url}\n`);
