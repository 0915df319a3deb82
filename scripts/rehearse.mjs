// A challenge of a subnet's king, played on this machine with the tool's own commands, each shown as it is typed:
//   npm run rehearse -- [PROFILE] [--steps N]
// The subnet in small (docs/adr/0011-played-subnets.md), a tiny king, training from it, the duel, the seal, the reveal, the throne.
// Started by `npm run rehearse` after set-up, on the pinned Node.
import { rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bold, run, say, secondsSoFar, tellTimes } from './story.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { steps: { type: 'string', default: '60' } },
});
const [profile = 'albedo'] = positionals;
const again = `npm run rehearse -- ${profile}`;
// A home of its own: a sandbox of yours that plays something else stays as it is. Each rehearsal begins with the same king.
const home = join(resolve(process.env.PT_HOME || join(homedir(), '.pt')), 'rehearsals', profile);
const env = { PT_HOME: home, PT_NETWORK: 'sandbox', PT_PROFILE: '', PT_NETUID: '', PT_OFFLINE: '' };
const step = (title, args, more = {}) => run(title, args, { again, env, ...more });

say(`Every command below runs with PT_HOME=${home} PT_NETWORK=sandbox.`);
await step('End an earlier rehearsal', ['sandbox', 'stop'], { also: 2 });
rmSync(home, { recursive: true, force: true });
const sandbox = await step(`Play subnet "${profile}" in small: chain, Hub, a king`, [
  'sandbox',
  'start',
  '--detach',
  '--profile',
  profile,
]);
const { king } = sandbox.plays;
if (king === null) {
  say(`\n"${profile}" pays for something else than language models: there is no king to train from here.`);
  await step('End it', ['sandbox', 'stop']);
  process.exit(2);
}
const training = await step('Train from the king; what the subnet locks stays as it is', [
  ...['train', '--load-best', '--data', 'builtin', '--max-steps', values.steps],
  ...['--bs', '2', '--sl', '256', '--lr', '3e-3', '--run', 'challenger'],
]);
const check = await step(
  'Would it be taken? Locks, files and names beside the king',
  ['check', training.bestDir, '--against', 'king'],
  { also: 3 },
);
const { duel } = await step('Would it win? Both on the same text', [
  'evaluate',
  training.bestDir,
  '--against',
  'king',
  '--data',
  'builtin',
]);
const repo = `me/${king.repo.split('/')[1].replace(/king$/, 'challenger')}`;
const published = await step('Upload, seal, commit, wait until the chain has opened it', [
  ...['upload', '--load-model-dir', training.bestDir, '--hf-repo-id', repo, '--yes', '--wait-reveal'],
]);
const verdict = await step('A round of the validator', ['sandbox', 'judge']);
await step('End the sandbox; its state is kept', ['sandbox', 'stop']);

const won = verdict.king !== king.hotkey;
const number = (value, digits = 4) => (typeof value === 'number' ? value.toFixed(digits) : 'not told');
say(`\n${bold('What happened')}`);
say(
  `  The king was ${king.repo}; the challenger's held-out loss after ${training.steps} steps is ${number(training.bestLoss)}.`,
);
say(
  `  pt check: ${check.verdict}. Duel: ${number(duel?.mean)} nats a token better on ${duel?.n ?? 0} sequences, p(win) ${number(duel?.p, 2)}.`,
);
say(
  `  ${published.repo}@${published.commit.slice(0, 12)}, sealed on chain at block ${published.block}: ${published.commitment}`,
);
say(won ? '  It was judged and wears the crown.' : '  It was judged, and the king stays.');
tellTimes();
say(`\n${bold('What to type next')}`);
say(`  npx pt profiles show ${profile}          # what the real subnet asks for, and what pt cannot judge`);
say(`  docs/subnets/${profile}.md`);
process.stdout.write(
  `${JSON.stringify({ profile, won, p: duel?.p ?? null, bestLoss: training.bestLoss, seconds: secondsSoFar() })}\n`,
);
process.exit(won ? 0 : 1);
