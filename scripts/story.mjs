// What the quickstart and the rehearsal share: the tool's own commands, each shown as it is typed, its progress in view, its object given back.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pt = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin', 'run.js');
const colour = process.stderr.isTTY && !process.env.NO_COLOR;
export const bold = (text) => (colour ? `\x1b[1m${text}\x1b[0m` : text);
export const say = (text = '') => process.stderr.write(`${text}\n`);
const started = Date.now();
const steps = [];
export const secondsSoFar = () => (Date.now() - started) / 1000;

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

/**
 * Runs one pt command, its progress in view, and gives the object it prints. Ends the story when it fails (with another code than 0 or `also`);
 * `again` is how to tell it anew. `env` is laid over this process's.
 */
export async function run(title, args, { again, env = {}, also = 0 }) {
  say(`\n${bold(`▸ ${title}`)}\n  $ npx pt ${args.join(' ')}`);
  const begin = Date.now();
  child = spawn(process.execPath, [pt, ...args, '--json'], {
    stdio: ['inherit', 'pipe', 'inherit', 'ipc'],
    env: { ...withLifeline, ...env },
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
  if ((code !== 0 && code !== also) || result === null) {
    const error = result?.error;
    say(`\n${bold(code === 130 ? 'Stopped.' : `"${title}" failed.`)} ${error?.message ?? ''}`);
    for (const step of error?.nextSteps ?? []) say(`  → ${step}`);
    say(`  → ${again}   # goes through all steps again`);
    process.exit(code || 1);
  }
  steps.push({ title, seconds: (Date.now() - begin) / 1000 });
  return result;
}

/** How long each step took. */
export function tellTimes() {
  say(`\n${bold('How long it took')}`);
  for (const { title, seconds } of steps) say(`  ${seconds.toFixed(1).padStart(6)} s  ${title}`);
  say(`  ${secondsSoFar().toFixed(1).padStart(6)} s  in all`);
}
