// One job through the built package, as users run it: `import`, `read` or `commit`.
import { randomBytes } from 'node:crypto';

const [job, url, cacheDir, seed] = process.argv.slice(2);
const { connect } = await import('../../dist/chain/index.js');
const startedAt = performance.now();
let result = {};
if (job === 'import') {
  await import('../../dist/chain/connect.js');
  await import('../../dist/chain/wallet/open.js');
} else {
  const chain = await connect({ endpoints: [url], cacheDir });
  if (job === 'read') {
    const [neurons, commitments] = await Promise.all([chain.neurons(9), chain.commitments(9)]);
    result = {
      neurons: neurons.length,
      commitments: commitments.size,
      frames: chain.frames.sent + chain.frames.received,
    };
  } else {
    const { createHotkey } = await import('../../dist/chain/wallet/keypair.js');
    const hotkey = createHotkey('bench', {
      cryptoType: 'ed25519',
      secret: Uint8Array.from(Buffer.from(seed, 'hex')),
    });
    await chain.commit({ netuid: 9, text: `bench:${randomBytes(8).toString('hex')}`, hotkey });
  }
  await chain.close();
}
const { user, system } = process.cpuUsage();
const { maxRSS } = process.resourceUsage();
console.log(
  JSON.stringify({
    ...result,
    job: (performance.now() - startedAt) / 1000,
    cpu: (user + system) / 1e6,
    rss: maxRSS / 1024,
  }),
);
