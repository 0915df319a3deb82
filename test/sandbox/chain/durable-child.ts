import { startChain } from '../../../src/sandbox/chain/index.ts';

// Killed at any moment by the test: prints its address and each commitment that a block holds.
const [dir, hotkey] = process.argv.slice(2);
const chain = await startChain({ dir: dir!, blockTimeMs: 5 });
const uid = chain.register(hotkey!);
process.stdout.write(`${JSON.stringify({ url: chain.url, uid, block: chain.block() })}\n`);
