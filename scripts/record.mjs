// Makes the pictures of the front page from real sessions: docs/pictures/terminal.svg, commands typed into a shell in tmux (which is the
// terminal: it knows what every control sequence does), and docs/pictures/report.png, the report of the run that they trained, in Chromium.
// After `npm run setup`: node scripts/record.mjs   (needs tmux and chromium; PT_PYTHON as everywhere)
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { plainText, terminalSvg, wrapped } from './terminal-svg.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pictures = join(root, 'docs', 'pictures');
const COLUMNS = 80;
const ROWS = 22;
const LARGEST = 60_000;

/** What is typed, what shows that it is done, and what is answered meanwhile. */
const SCENES = [
  { type: 'pt sandbox start --detach', done: /sandbox stop/ },
  { type: 'pt train --network sandbox --run first', during: /\d+\/600/, done: /hf-repo/ },
  { type: 'pt check --network sandbox ~/.pt/runs/first/best', done: /would accept|Next:/ },
  {
    type: 'pt upload --network sandbox --load-model-dir ~/.pt/runs/first/best --hf-repo-id me/first --yes',
    done: /Next:[\s\S]*\n.*pt /,
  },
  { type: 'pt status --network sandbox', done: /commit now/ },
];

const home = mkdtempSync(join(tmpdir(), 'pt-record-'));
const bin = join(home, 'bin');
mkdirSync(bin);
symlinkSync(join(root, 'bin', 'run.js'), join(bin, 'pt'));
const socket = join(home, 'tmux');
const tmux = (...args) => execFileSync('tmux', ['-S', socket, ...args], { encoding: 'utf8' });
const python = process.env.PT_PYTHON ? { PT_PYTHON: process.env.PT_PYTHON } : {};
const env = {
  PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`,
  HOME: home,
  PS1: '$ ',
  LANG: 'C.UTF-8',
  COLORTERM: 'truecolor',
  OMP_NUM_THREADS: '2',
  ...python,
};
const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);

/** The screen as lines with their colours, the temporary home as the shell would write it, also where a line's end cuts it (-J joins what was wrapped). */
const screen = () =>
  tmux('capture-pane', '-e', '-J', '-p', '-t', 'pt')
    .replaceAll(home, '~')
    .trimEnd()
    .split('\n')
    .flatMap((line) => wrapped(line, COLUMNS));
const plain = (lines) => plainText(lines.join('\n'));

async function until(pattern, seconds) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100))
    if (pattern.test(plain(screen()))) return;
  throw new Error(`${pattern} did not show within ${seconds} s:\n${plain(screen())}`);
}

const frames = [];
try {
  tmux(
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-s',
    'pt',
    '-x',
    `${COLUMNS}`,
    '-y',
    `${ROWS}`,
    'env',
    '-i',
    ...assignments,
    'TERM=tmux-256color',
    'bash',
    '--norc',
    '--noprofile',
  );
  tmux('set', '-g', 'status', 'off');
  for (const { type, during, done } of SCENES) {
    await until(/\$ *$/, 10);
    tmux('send-keys', '-t', 'pt', 'clear', 'Enter');
    await sleep(500);
    tmux('send-keys', '-t', 'pt', '-l', type);
    await sleep(500);
    frames.push({ lines: screen(), seconds: 1 });
    tmux('send-keys', '-t', 'pt', 'Enter');
    if (during) {
      await until(during, 120);
      for (let shot = 0; shot < 3; shot += 1) {
        frames.push({ lines: screen(), seconds: 0.8 });
        await sleep(4000);
      }
    }
    await until(done, 200);
    await until(/\n\$ *$/, 30);
    frames.push({ lines: screen(), seconds: 3.5 });
  }
  mkdirSync(pictures, { recursive: true });
  const svg = terminalSvg(frames, { columns: COLUMNS, rows: ROWS });
  if (svg.length > LARGEST)
    throw new Error(`The recording has ${svg.length} bytes; ${LARGEST} are the most.`);
  writeFileSync(join(pictures, 'terminal.svg'), svg);

  const report = join(home, '.pt', 'runs', 'first', 'report.html');
  const shot = join(pictures, 'report.png');
  const size = ['--window-size=900,760', '--force-device-scale-factor=1', '--hide-scrollbars'];
  const chromium = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    ...size,
    `--screenshot=${shot}`,
    `file://${report}`,
  ];
  const { status, stderr } = spawnSync('chromium', chromium, {
    encoding: 'utf8',
    env: { ...process.env, HOME: home },
  });
  if (status !== 0) throw new Error(`chromium: ${stderr}`);
  process.stdout.write(`terminal.svg: ${svg.length} bytes, report.png: ${statSync(shot).size} bytes\n`);
} finally {
  spawnSync(join(bin, 'pt'), ['sandbox', 'stop'], { env, stdio: 'ignore' });
  spawnSync('tmux', ['-S', socket, 'kill-server'], { stdio: 'ignore' });
  // The sandbox may still be writing its last words.
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 300 });
}
