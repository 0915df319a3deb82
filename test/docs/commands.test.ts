import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWallet } from '../../src/chain/index.ts';
import { readSandboxState, sandboxDir } from '../../src/sandbox/index.ts';
import { cleanEnv, root } from '../commands/run-pt.ts';
import { type Block, blocksOf, isShell, pages } from './blocks.ts';

/**
 * Runs every shell block of README and docs/, page by page, as a reader would who has a sandbox: real processes in one PT_HOME, a
 * folder of its own for each page. `PT_NETWORK=sandbox` stands in for a real network, and `PT_RECIPE` names a recipe of a few
 * steps, so that blocks that name neither end in seconds. What cannot be run says why in the page: `<!-- not run: … -->`.
 */

/** Words that stand for something of the reader's. */
const PLACEHOLDERS: [RegExp, string][] = [
  [/\bRUN_FOLDER\b/g, '$(run_folder)'],
  [/\bruns\/(my-run|x)\/best\b/g, '$(run_folder)/best'],
  [/\bpt merge A B C\b/g, 'pt merge $(run_folder)/best $(run_folder)/best $(run_folder)/best'],
  [/ (OTHER-)?DIR\b/g, ' $(run_folder)/best'],
  [/\b(someone|me)\/model@[0-9a-f]{40}\b/g, '$(on_hub)'],
  [/\byou\/model\b/g, 'me/model'],
  [/(--uid|evaluate) 12\b/g, '$1 1'],
  [/\b(report|logs) \d{8}\b/g, '$1 $(basename $(run_folder))'],
  [/\bruns rm \d{8}-\S+/g, 'runs rm latest --dry-run'],
  // No run goes on here, and the sandbox that does plays no subnet: each says so.
  [/^pt (attach|stop|sandbox judge|sandbox start --detach --profile)\b.*$/gm, 'nothing_runs $&'],
  [/--wallet-name miner --wallet-hotkey h1/g, '--wallet-name default --wallet-hotkey default'],
  // The sandbox's blocks have no dates.
  [/^pt competitions --at .*$/gm, '$& --network finney --offline'],
  // Of other shells, what pt prints is all that can be tried here.
  [/^(eval "\$\()?(pt completion (?:zsh|fish)).*$/gm, '$2 > /dev/null'],
  // Runs that the reader named.
  [/\bfirst-try\b/g, '$(basename $(run_folder))'],
  // The next page, and the rest of this one, go on with it.
  [/^.*pt sandbox stop\b.*$/gm, '$& && pt sandbox start --detach'],
  // What a reader is asked at the terminal, once something is on chain.
  [
    /\bpt upload (?=[^\n]*(--load-model-dir|--commit-only))(?![^\n]*--(yes|dry-run|resume))/g,
    'pt upload --yes ',
  ],
  // Ends by Ctrl-C alone.
  [/^(.*--watch\b.*|(?:npx )?pt dashboard\b.*)$/gm, 'ends_by_interrupt $1'],
];

const TOOLS = `
run_folder() { pt runs --json | node -p 'JSON.parse(require("fs").readFileSync(0)).runs.find((run) => run.state === "done").dir'; }
on_hub() { pt status --json | node -p 'const { repo, commit } = JSON.parse(require("fs").readFileSync(0)).neurons.find((n) => n.repo); repo + "@" + commit'; }
nothing_runs() { set +e; "$@"; code=$?; set -e; [ $code = 2 ]; }
ends_by_interrupt() { set +e; timeout --foreground -s INT 3 "$@"; code=$?; set -e; [ $code = 0 ] || [ $code = 130 ] || [ $code = 124 ]; }
`;

/** What every page stands on: a run, its model published. It is a line of the docs itself. */
const FIRST = 'pt train --network sandbox --hf-repo-id me/first --avg-loss-upload-threshold 1000 --yes';

/** Training and scoring take seconds each: the same line is not run again on another page, and scoring's examples wait for PT_SLOW=1. */
const SLOW = /^(npx )?pt (train|evaluate|doctor|setup|upload .*--dry-run|merge (?!.*--no-score))\b/;
const done = new Set<string>();

let home: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pt-docs-'));
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const program = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  program('pt', `exec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"`);
  program('npx', '[ "$1" = pt ] || { echo "npx $1 is not what a reader has" >&2; exit 97; }\nexec "$@"');
  program('node', `exec "${process.execPath}" "$@"`);
  const recipe = JSON.parse(readFileSync(join(root, 'constants/recipes/tiny.json'), 'utf8'));
  writeFileSync(
    join(home, 'short.json'),
    JSON.stringify({ ...recipe, steps_per_epoch: 2, eval_sequences: 4, sequence_length: 64 }),
  );
  env = cleanEnv({
    PATH: [bin, process.env.PATH].join(delimiter),
    HOME: home,
    PT_HOME: join(home, 'pt'),
    PT_NETWORK: 'sandbox',
    PT_RECIPE: join(home, 'short.json'),
  });
  await inBash(`pt sandbox start --detach && ${FIRST}`, home);
  done.add(FIRST.replace(' --network sandbox', ''));
  await publishAsSomeoneElse();
}, 240_000);
afterAll(async () => {
  await bash('pt sandbox stop', home);
  rmSync(home, { recursive: true, force: true });
});

/** A second miner, so that there is a best model of somebody else. */
async function publishAsSomeoneElse(): Promise<void> {
  const location = { path: join(home, 'someone'), name: 'default', hotkey: 'default' };
  const { ss58 } = await createWallet(location);
  const { chain } = readSandboxState(sandboxDir(join(home, 'pt')))!;
  const socket = new WebSocket(chain);
  await new Promise((settle, reject) => {
    socket.onerror = reject;
    socket.onmessage = settle;
    socket.onopen = () =>
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'sandbox_register', params: [ss58] }));
  });
  socket.close();
  const to = `--wallet-path ${location.path} --hf-repo-id someone/model`;
  // One weight is another, or it would be a copy of ours.
  const other = `cp -r $(run_folder)/best other
printf '\\000\\000\\200\\074' | dd of=other/model.safetensors bs=1 seek=$(($(stat -c %s other/model.safetensors) - 4)) conv=notrunc 2> /dev/null`;
  await inBash(`${TOOLS}${other}\npt upload --load-model-dir other ${to}`, home);
}

async function inBash(script: string, cwd: string): Promise<string> {
  const { code, output } = await bash(script, cwd);
  expect(code, output.slice(Math.max(0, output.lastIndexOf('@@')))).toBe(0);
  return output;
}

function bash(script: string, cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((settle) => {
    const options = { cwd, env, encoding: 'utf8', maxBuffer: 1 << 26, timeout: 240_000 } as const;
    const child = execFile('bash', ['-eo', 'pipefail', '-c', script], options, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : Number(error.code ?? -1), output: stderr + stdout }),
    );
    child.stdin?.end();
  });
}

function runnable({ line, text, page }: Block): string {
  const filled = PLACEHOLDERS.reduce((script, [from, to]) => script.replace(from, to), text);
  const fresh = filled.split('\n').filter((command) => {
    const key = command.replace(/^npx /, '').replace(/ --network sandbox\b|\s+#.*$/g, '');
    if (!SLOW.test(command)) return true;
    if (
      page === 'docs/commands.md' &&
      /pt (evaluate|merge (?!.*--no-score))/.test(command) &&
      !process.env.PT_SLOW
    )
      return false;
    const isNew = !done.has(key);
    done.add(key);
    return isNew;
  });
  return `echo "@@ ${page}:${line}" >&2\n${fresh.join('\n')}\n`;
}

test.each(pages.filter((page) => blocksOf(page).some((block) => isShell(block) && !block.notRun)))(
  '%s',
  async (page) => {
    const place = join(home, page.replaceAll('/', '-'));
    mkdirSync(place);
    // What a reader of a clone stands in; a copy, because some blocks write there.
    for (const folder of ['constants', 'python'])
      cpSync(join(root, folder), join(place, folder), { recursive: true });
    const blocks = blocksOf(page).filter((block) => isShell(block) && !block.notRun);
    const output = await inBash(
      `${TOOLS}pt sandbox start --detach 2> /dev/null\nrm -rf "$PT_HOME/journals" # readers do not come from another page\n${blocks.map(runnable).join('')}`,
      place,
    );
    expect(output).not.toMatch(/\n {4}at |Traceback/);
  },
  300_000,
);
