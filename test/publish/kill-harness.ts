import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect } from '../../src/chain/index.ts';
import { loadConstants } from '../../src/constants.ts';
import { createHub } from '../../src/hub/index.ts';
import { load } from '../../src/load/index.ts';
import { finish } from '../../src/progress.ts';
import type { UploadOutcome } from '../../src/publish/index.ts';
import { type Sandbox, sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { draws } from '../support/attack.ts';
import { nonceOf } from './nonce.ts';
import { makeModel } from './support.ts';

const bin = resolve(import.meta.dirname, '../../bin/run.js');
/** Space for commitments lasts for ~31 of them an epoch of 360 blocks; short blocks bring the next epoch soon. */
const BLOCK_MS = 100;

export interface KillReport {
  /** Kills that hit a running publish. */
  kills: number;
  /** Publishes that ended as they must. */
  consistent: number;
  publishes: number;
  /** What was wrong, one line a publish; empty when nothing was. */
  wrong: string[];
}

/** Signs on stderr that a phase has begun; the kill comes up to `JITTER_MS` later, so every moment of a publish is hit. */
const MARKERS = [
  /casting/,
  /uploading/,
  /is private from now/,
  /Uploaded and confirmed/,
  /Committing/,
  /is public;/,
];
const JITTER_MS = 450;
const SHOTS = 3;
const draw = draws();

/**
 * Publishes again and again with real processes, each killed (SIGKILL) up to three times at random moments and resumed, until
 * `kills` have hit. A publish is consistent when exactly one extrinsic of the hotkey was included for it, the chain holds its
 * string, the repository is public and holds nothing of another model, and loading it back verifies.
 */
export async function killPublishes(
  kills: number,
  onPublish: (report: KillReport) => void = () => {},
): Promise<KillReport> {
  const home = await mkdtemp(join(tmpdir(), 'pt-kills-'));
  const sandbox = await startSandbox({ dir: sandboxDir(home), blockTimeMs: BLOCK_MS });
  const report: KillReport = { kills: 0, consistent: 0, publishes: 0, wrong: [] };
  try {
    for (let n = 0; report.kills < kills; n += 1) {
      const dir = await makeModel(join(home, `model-${n}`), { seed: n, width: 64 });
      // Every other one replaces a model in a repository that is public already.
      const repo = n % 2 === 0 ? `me/kill-${n}` : 'me/again';
      const args = ['upload', '--network', 'sandbox', '--load-model-dir', dir, '--hf-repo-id', repo, '--yes'];
      const nonce = await nonceOf(sandbox);
      const paid = (await createHub({ endpoint: sandbox.state.hub }).revision(repo))?.commit ?? null;
      let outcome: UploadOutcome | null = null;
      for (let shot = 0; outcome === null; shot += 1) {
        const marker = shot < SHOTS ? MARKERS[Math.floor(draw() * MARKERS.length)]! : null;
        const resume = shot > 0 ? ['--resume'] : [];
        const ended = await runOnce([...args, '--json', '--wait', ...resume], home, marker);
        if (ended.killed) {
          report.kills += 1;
          const hidden = await saysWhatIsHidden(sandbox, home, repo, paid);
          if (hidden !== null) report.wrong.push(`${repo}: ${hidden}`);
        } else outcome = ended.outcome;
      }
      const wrong = await inspect(sandbox, home, outcome, nonce);
      report.publishes += 1;
      if (wrong === null) report.consistent += 1;
      else report.wrong.push(`${repo}: ${wrong}`);
      onPublish(report);
      await rm(dir, { recursive: true });
    }
    return report;
  } finally {
    await sandbox.close();
    await rm(home, { recursive: true, force: true });
  }
}

async function runOnce(
  args: string[],
  home: string,
  killAt: RegExp | null,
): Promise<{ killed: boolean; outcome: UploadOutcome | null }> {
  const { code, signal, stdout, stderr } = await runPt(args, home, killAt);
  if (signal === 'SIGKILL') return { killed: true, outcome: null };
  if (code !== 0) throw new Error(`pt ${args.join(' ')} ended with ${code}: ${stderr}\n${stdout}`);
  return { killed: false, outcome: JSON.parse(stdout) };
}

async function runPt(args: string[], home: string, killAt: RegExp | null = null) {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { PATH: process.env.PATH, HOME: home, PT_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    if (killAt?.test(stderr)) timer ??= setTimeout(() => child.kill('SIGKILL'), draw() * JITTER_MS);
  });
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((done) => {
    child.on('close', (code, signal) => done({ code, signal }));
  });
  clearTimeout(timer);
  return { code, signal, stdout, stderr };
}

/** After a kill: what others could load before can still be loaded, or `pt status` says that it cannot. Null when that is so. */
async function saysWhatIsHidden(
  { state }: Sandbox,
  home: string,
  repo: string,
  paid: string | null,
): Promise<string | null> {
  if (paid === null || (await createHub({ endpoint: state.hub }).revision(repo, paid)) !== null) return null;
  const { stdout } = await runPt(['status', '--network', 'sandbox', '--json'], home);
  const { hidden } = JSON.parse(stdout) as { hidden: { repo: string }[] };
  return hidden.some((one) => one.repo === repo) ? null : 'hidden, and pt status does not say so';
}

/** What is not as it must be after a publish; null when all is. */
async function inspect(
  sandbox: Sandbox,
  home: string,
  outcome: UploadOutcome | null,
  nonceBefore: number,
): Promise<string | null> {
  if (!outcome) return 'no outcome';
  const { state } = sandbox;
  const sent = (await nonceOf(sandbox)) - nonceBefore;
  if (sent !== 1) return `${sent} commitments were included`;
  const chain = await connect({ endpoints: [state.chain] });
  const hub = createHub({ endpoint: state.hub });
  try {
    const onChain = await chain.commitment(state.netuid, state.wallet.ss58);
    if (onChain?.text !== outcome.commitment) return `the chain holds ${onChain?.text}`;
    if (!outcome.public) return 'the outcome says private';
    const seen = await hub.revision(outcome.repo, outcome.commit!);
    const head = await hub.revision(outcome.repo);
    if (seen?.commit !== head?.commit) return 'the head is another commit than the one on chain';
    const paths = seen?.files
      .map(({ path }) => path)
      .filter((path) => path !== '.gitattributes')
      .sort();
    if (paths?.join() !== 'config.json,generation_config.json,model.safetensors') return `files: ${paths}`;
    const constants = loadConstants();
    const loaded = await finish(
      load(
        {
          source: { kind: 'best' },
        },
        {
          chain: async () => chain,
          hub: async () => hub,
          netuid: 9,
          competition: null,
          modelsDir: join(home, 'models'),
          profile: constants.profiles['3.2'],
          schedule: constants.schedules['schedule.sandbox']!,
        },
      ),
    );
    return loaded.verified && loaded.commit === outcome.commit ? null : 'loading it back does not verify';
  } finally {
    await chain.close();
  }
}
