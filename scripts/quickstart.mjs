// The whole job once, with the tool's own commands, each shown as it is typed: sandbox, train, publish, load back.
// Started by `npm run quickstart` after set-up, on the pinned Node.
import { spawn } from 'node:child_process';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const pt = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin', 'run.js');
const colour = process.stderr.isTTY && !process.env.NO_COLOR;
const bold = (text) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
const say = (text = '') => process.stderr.write(`${text}\n`);
const started = Date.now();
const steps = [];

// When set-up, which started us, is killed, nobody waits for us any more; and pt ends with us in the same way (bin/run.js).
if (process.channel) {
  process.on('disconnect', () => process.exit(137));
  process.channel.unref();
}
const withLifeline = { ...process.env, PT_LIFELINE: '1' };

let child = null;
// The child is in our process group and has heard Ctrl-C itself: we only wait for its word.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child?.kill('SIGTERM'));

/** Runs one pt command, its progress in view, and gives the object it prints. Ends the quickstart when it fails. */
async function run(title, args) {
  say(`\n${bold(`▸ ${title}`)}\n  $ npx pt ${args.join(' ')}`);
  const begin = Date.now();
  child = spawn(process.execPath, [pt, ...args, '--json'], {
    stdio: ['inherit', 'pipe', 'inherit', 'ipc'],
    env: withLifeline,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => {
    child.on('close', (status, signal) => resolve(status ?? (signal === 'SIGINT' ? 130 : 1)));
  });
  let result = null;
  try {
    result = JSON.parse(output);
  } catch {
    // Nothing printed: the exit code speaks.
  }
  if (code !== 0 || result === null) {
    const error = result?.error;
    say(`\n${bold(code === 130 ? 'Stopped.' : `"${title}" failed.`)} ${error?.message ?? ''}`);
    for (const step of error?.nextSteps ?? []) say(`  → ${step}`);
    say('  → npm run quickstart   # goes through all steps again');
    process.exit(code || 1);
  }
  steps.push({ title, seconds: (Date.now() - begin) / 1000 });
  return result;
}

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
say(`\n${bold('How long it took')}`);
for (const { title, seconds } of steps) say(`  ${seconds.toFixed(1).padStart(6)} s  ${title}`);
say(`  ${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  in all`);
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
  `${JSON.stringify({ bestLoss: training.bestLoss, unigramEntropy: training.unigramEntropy, repo: published.repo, commit: published.commit, verified: same, seconds: (Date.now() - started) / 1000 })}\n`,
);
