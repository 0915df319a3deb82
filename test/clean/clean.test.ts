import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freeKept, listKept } from '../../src/clean/index.ts';
import { tryLock } from '../../src/host/lock.ts';
import { journalPath, newJournal, writeJournal } from '../../src/publish/journal.ts';
import { makeRun } from '../report/make-run.ts';

let place: string;
let home: string;
let cache: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'pt-clean-'));
  home = join(place, 'pt');
  cache = join(place, 'cache', 'pt');
});
afterEach(() => rm(place, { recursive: true, force: true }));

const list = () =>
  listKept({ home, runsDir: join(home, 'runs'), env: { XDG_CACHE_HOME: join(place, 'cache') } });
async function file(path: string, bytes = 100): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, Buffer.alloc(bytes));
  return path;
}
const journal = async (repo: string, outcome: boolean) => {
  const key = { genesis: '0x1', netuid: 9, hotkey: 'hot', repo };
  const commit = 'a'.repeat(40);
  const content = {
    source: 'folder',
    commit: null,
    pin: null,
    profile: '3.2',
    competition: 1,
    dtype: 'bf16',
  } as const;
  const begun = newJournal(key, { ...content, contentHash: 'x', chainHash: 'x', files: [] });
  const done = {
    repo,
    commit,
    pin: null,
    contentHash: 'x',
    commitment: 'x',
    block: 1,
    hotkey: 'hot',
    public: true,
  };
  const path = journalPath(home, key);
  await writeJournal(path, {
    ...begun,
    outcome: outcome ? { ...done, bytesUploaded: 1, resumed: false, seal: null } : null,
  });
  return path;
};

it('lists what is there with its size, and frees what was chosen and nothing else', async () => {
  await file(join(home, 'cache', 'tokens', 'a.safetensors'), 3000);
  const model = await file(join(home, 'models', 'x', 'model.safetensors'), 500);
  const old = await file(join(cache, 'python-0123456789abcdef-3.11', 'bin', 'python'), 700);
  const kept = await list();
  expect(kept.map(({ name, bytes, stays }) => [name, bytes, stays])).toEqual([
    ['old-python', 700, null],
    ['tokens', 3000, null],
    ['models', 500, null],
  ]);
  await freeKept(kept.filter(({ name }) => name !== 'models'));
  expect([existsSync(old), existsSync(join(home, 'cache', 'tokens')), existsSync(model)]).toEqual([
    false,
    false,
    true,
  ]);
});

it('keeps the journal of a publish that is not finished, and every one while a publish is under way', async () => {
  const [open, done] = [await journal('me/open', false), await journal('me/done', true)];
  const broken = await file(join(home, 'journals', 'me-broken-0.json'));
  const stays = async () => new Map((await list()).map((each) => [each.path, each.stays]));
  expect(await stays()).toEqual(
    new Map([
      [open, 'its publish is not finished'],
      [done, null],
      [broken, 'it cannot be read'],
    ]),
  );
  const lock = tryLock(join(home, 'journals', 'hotkey-0.lock'));
  expect((await stays()).get(done)).toBe('a publish is under way');
  lock?.release();
  await freeKept(await list());
  expect([existsSync(open), existsSync(done), existsSync(broken)]).toEqual([true, false, true]);
});

it('keeps what a living process uses, and all that trainers use while a run is being trained', async () => {
  const program = await file(join(cache, 'python-0123456789abcdef-3.11', 'tool.mjs'), 0);
  await writeFile(program, 'console.log(1); setInterval(() => {}, 1000)');
  await file(join(home, 'cache', 'tokens', 'a.safetensors'));
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((settle) => child.stdout.once('data', settle));
  const [environment] = await list();
  expect(environment).toMatchObject({ name: 'old-python', stays: 'a process uses it' });
  child.kill('SIGKILL');
  await new Promise((settle) => child.once('exit', settle));
  expect((await list()).map(({ stays }) => stays)).toEqual([null, null]);

  await makeRun(join(home, 'runs', 'one'), { steps: 1, state: 'running' });
  const tokens = (await list()).find(({ name }) => name === 'tokens');
  expect(tokens).toMatchObject({ stays: 'run one is being trained' });
});
