// The whole job once, with the tool's own commands, each shown as it is typed: sandbox, train, publish, load back.
// Started by `npm run quickstart` after set-up, on the pinned Node.
import { relative } from 'node:path';
import { bold, run as runStep, say, secondsSoFar, tellTimes } from './story.mjs';

const run = (title, args) => runStep(title, args, { again: 'npm run quickstart' });
const onSandbox = ['--network', 'sandbox'];
const repo = 'me/quickstart';
const sandbox = await run('Start an embedded chain and Hub on this machine', [
  'sandbox',
  'start',
  '--detach',
]);
const training = await run('Train a small language model from scratch on real text', [
  'train',
  ...onSandbox,
  '--recipe',
  'tiny',
]);
const published = await run('Check it, upload it, commit it to the chain', [
  'upload',
  ...onSandbox,
  '--load-model-dir',
  training.bestDir,
  '--hf-repo-id',
  repo,
  '--yes',
]);
const best = await run('Load the best model on the network back, verified against the chain', [
  'load-best',
  ...onSandbox,
]);

const number = (value, digits = 3) => (typeof value === 'number' ? value.toFixed(digits) : 'unknown');
const near = (path) =>
  relative(process.cwd(), path).startsWith('..') ? path : relative(process.cwd(), path);
const same = best.contentHash === published.contentHash && best.verified;

say(`\n${bold('What happened')}`);
say(
  `  A model of ${training.steps} steps and ${training.tokens} tokens: held-out loss ${number(training.bestLoss)} nats a token.`,
);
say(
  `  Unigram entropy of the same text: ${number(training.unigramEntropy)} nats, so it learned ${number(training.unigramEntropy - training.bestLoss)} nats more than word frequencies.`,
);
say(
  `  Published as ${published.repo}@${published.commit.slice(0, 12)}, on chain at block ${published.block}:`,
);
say(`    ${published.commitment}`);
say(
  same
    ? `  Loaded back as the best model (uid ${best.uid}): every file and the content hash match the chain.`
    : `  The best model on this sandbox is uid ${best.uid}'s ${best.repo}@${best.commit.slice(0, 12)}, verified: ${best.verified}.`,
);
tellTimes();
say(`\n${bold('Where it is')}`);
say(`  Run          ${near(training.runDir)}`);
say(`  Best model   ${near(training.bestDir)}`);
say(`  Loaded back  ${near(best.dir)}`);
say(`  Hub          ${sandbox.hub}/${published.repo}   (still running; chain at ${sandbox.chain})`);
say(`\n${bold('What to type next')}`);
say('  npx pt status --network sandbox          # the subnet you are now on');
say('  npx pt evaluate --help                   # would it win?');
say('  npx pt sandbox stop                      # ends the chain and the Hub; their state is kept');
say('  npx pt doctor                            # is this machine ready for the real network?');
say('  README.md, "The real network"            # wallet, registration, token, and what is left of subnet 9');
process.stdout.write(
  `${JSON.stringify({ bestLoss: training.bestLoss, unigramEntropy: training.unigramEntropy, repo: published.repo, commit: published.commit, verified: same, seconds: secondsSoFar() })}\n`,
);
