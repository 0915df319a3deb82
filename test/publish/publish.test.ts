import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWallet } from '../../src/chain/index.ts';
import { inspectRemote } from '../../src/model/index.ts';
import { finish, type Progress } from '../../src/progress.ts';
import { type PublishRequest, previewPublish, publish, type WriteQuestion } from '../../src/publish/index.ts';
import { journalPath } from '../../src/publish/journal.ts';
import { keyOf } from '../../src/publish/publish.ts';
import { boundHash, type Competition } from '../../src/rules/index.ts';
import { makeModel, type Rig, startRig } from './support.ts';

let rig: Rig & { dir: string };
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig?.close());

const run = (request: PublishRequest) => finish(publish(request, rig.place));
const commitsSince = (mark: number) =>
  rig.sandbox.hub.requests.slice(mark).filter(({ step }) => ['put', 'commit', 'create'].includes(step));

describe('publish', () => {
  it('ends in a public repository with exactly the model and one commitment that names it', async () => {
    const dir = await makeModel(join(rig.home, 'strays'), { seed: 2, strays: true });
    const notes: string[] = [];
    const outcome = await finish(
      publish(rig.request({ source: { kind: 'folder', dir, dtype: 'bf16' } }), rig.place),
      (event: Progress) => {
        if (event.kind === 'note') notes.push(event.message);
      },
    );
    expect(outcome).toMatchObject({ repo: 'me/first', public: true, resumed: false });
    expect(outcome.commitment).toBe(`me:first:${outcome.commit}:${outcome.contentHash}`);
    const onChain = await rig.chain.commitment(9, rig.hotkey.ss58);
    expect(onChain).toEqual({ text: outcome.commitment, block: outcome.block });
    const seen = await rig.hub.anonymous().revision('me/first', outcome.commit!);
    const paths = seen!.files.map((file) => file.path).filter((path) => path !== '.gitattributes');
    expect(paths.sort()).toEqual(['README.md', 'config.json', 'generation_config.json', 'model.safetensors']);
    // The content hash as the protocol states it, from the bytes that strangers get.
    const hashes: string[] = [];
    for (const path of ['config.json', 'generation_config.json', 'model.safetensors']) {
      const { size } = seen!.files.find((file) => file.path === path)!;
      const bytes = await rig.hub.anonymous().range('me/first', outcome.commit!, path, 0, size);
      hashes.push(createHash('sha256').update(bytes).digest('base64'));
    }
    expect(createHash('sha256').update(hashes.join('')).digest('base64')).toBe(outcome.contentHash);
    expect(notes.join('\n')).not.toContain('hf_');
  });

  it('sends nothing the second time and gives the same object, with and without the journal', async () => {
    const first = await run(rig.request());
    const mark = rig.sandbox.hub.requests.length;
    const nonce = rig.sandbox.chain!.block();
    expect(await run(rig.request())).toEqual(first);
    const { rm } = await import('node:fs/promises');
    await rm(journalPath(rig.home, keyOf(rig.request(), rig)));
    expect(await run(rig.request())).toMatchObject({
      commit: first.commit,
      commitment: first.commitment,
      block: first.block,
      public: true,
    });
    expect(commitsSince(mark)).toEqual([]);
    expect((await rig.chain.commitment(9, rig.hotkey.ss58))!.block).toBe(first.block);
    expect(nonce).toBeGreaterThan(0);
  });

  it('replaces the files of an earlier model and hides the repository meanwhile', async () => {
    await run(rig.request());
    const dir = await makeModel(join(rig.home, 'next'), { seed: 3 });
    await writeFile(join(dir, 'tokenizer.json'), '{}');
    const second = await run(rig.request({ source: { kind: 'folder', dir, dtype: 'fp32' } }));
    const mark = rig.sandbox.hub.requests.length;
    const third = await run(rig.request());
    expect(third.commit).not.toBe(second.commit);
    const seen = await rig.hub.anonymous().revision('me/first', third.commit!);
    expect(seen!.files.map((file) => file.path)).not.toContain('tokenizer.json');
    const settings = rig.sandbox.hub.requests.slice(mark).filter(({ step }) => step === 'settings');
    expect(settings).toHaveLength(2); // private, and public again
  });

  it.each([
    [{}, 'F32', 'fp32'],
    [{ torch_dtype: 'bfloat16' }, 'BF16', 'bf16'],
  ] as const)(
    'publishes in what a competition with %o loads where no dtype was named, and says so',
    async (kwargs, dtype, word) => {
      const { periods, ...rest } = rig.place.schedule;
      const as = (c: Competition) => ({ ...c, from_pretrained_kwargs: kwargs });
      const schedule = {
        ...rest,
        periods: periods.map((each) => ({ ...each, competitions: each.competitions.map(as) })),
      };
      const dir = await makeModel(join(rig.home, `meant-${word}`), { seed: 8 });
      const request = rig.request({ repo: `me/meant-${word}`, source: { kind: 'folder', dir, dtype: null } });
      const notes: string[] = [];
      const outcome = await finish(publish(request, { ...rig.place, schedule }), (step) => {
        if (step.kind === 'note') notes.push(step.message);
      });
      expect(notes.join(' ')).toContain(`Weights are published in ${word}, as validators load them`);
      const revision = (await rig.hub.revision(request.repo, outcome.commit!))!;
      expect((await inspectRemote(rig.hub, revision, rig.place.profile)).dtypes).toEqual([dtype]);
    },
  );

  it.each(['bf16', 'fp32'] as const)(
    'refuses weights that are no numbers by the name of the tensor in %s, overruled or not',
    async (dtype) => {
      const dir = await makeModel(join(rig.home, `nan-${dtype}`), { seed: 9 });
      const file = join(dir, 'model.safetensors');
      const bytes = await readFile(file);
      bytes.writeFloatLE(Number.NaN, bytes.length - 4);
      await writeFile(file, bytes);
      const request = rig.request({
        repo: `me/nan-${dtype}`,
        source: { kind: 'folder', dir, dtype },
        noCheck: true,
      });
      await expect(run(request)).rejects.toMatchObject({
        code: 'model.not_finite',
        message: expect.stringContaining('"lm_head.weight"'),
      });
      expect(await rig.hub.revision(request.repo)).toBeNull();
    },
  );

  it('binds the hash to the hotkey when asked', async () => {
    const outcome = await run(rig.request({ repo: 'me/bound', useHotkeyInHash: true }));
    const bound = boundHash(outcome.contentHash!, rig.hotkey.ss58);
    expect(outcome.commitment).toBe(`me:bound:${outcome.commit}:${bound}`);
  });

  it('leaves the repository private when asked, and makes it public by the same call without that', async () => {
    const hidden = await run(rig.request({ repo: 'me/hidden', makePublic: false }));
    expect(hidden.public).toBe(false);
    expect(await rig.hub.anonymous().revision('me/hidden')).toBeNull();
    const shown = await run(rig.request({ repo: 'me/hidden' }));
    expect(shown).toMatchObject({ commit: hidden.commit, block: hidden.block, public: true });
  });

  it('refuses a changed folder instead of mixing two models', async () => {
    const dir = await makeModel(join(rig.home, 'changing'), { seed: 4 });
    const request = rig.request({ repo: 'me/changing', source: { kind: 'folder', dir, dtype: 'bf16' } });
    rig.sandbox.hub.setFaults([{ step: 'put', does: { kind: 'status', status: 400 } }]);
    await expect(run(request)).rejects.toMatchObject({ exitCode: 5 });
    rig.sandbox.hub.setFaults([]);
    await makeModel(dir, { seed: 5 });
    await expect(run(request)).rejects.toMatchObject({ code: 'publish.changed', exitCode: 2 });
    const outcome = await run({ ...request, restart: true });
    expect(outcome.public).toBe(true);
  });

  it('commits what the Hub already holds', async () => {
    const first = await run(rig.request({ repo: 'me/there' }));
    await run(rig.request({ repo: 'me/other' }));
    const mark = rig.sandbox.hub.requests.length;
    const again = await run(
      rig.request({
        repo: 'me/there',
        source: { kind: 'hub', commit: first.commit! },
        useHotkeyInHash: true,
        restart: true,
      }),
    );
    expect(again).toMatchObject({ commit: first.commit, contentHash: first.contentHash, bytesUploaded: 0 });
    expect(commitsSince(mark)).toEqual([]);
  });

  it('stops at a copy of an earlier commitment, which cannot win, and publishes it only when the rules are overruled', async () => {
    const { chain, hotkey } = rig;
    const source = {
      kind: 'folder',
      dir: await makeModel(join(rig.home, 'original'), { seed: 55 }),
      dtype: 'bf16',
    } as const;
    const earlier = await run(rig.request({ source, repo: 'me/original' }));
    const thief = await createWallet({ ...rig.settings.wallet, name: 'thief' });
    rig.sandbox.chain!.register(thief.ss58);
    await chain.commit({
      netuid: 9,
      text: `them:${earlier.commitment.split(':').slice(1).join(':')}`,
      hotkey: thief,
    });
    const notes: string[] = [];
    const tell = (event: Progress) => {
      if (event.kind === 'note' && event.level === 'warning') notes.push(event.message);
    };
    const other = await makeModel(join(rig.home, 'between'), { seed: 77 });
    await run(rig.request({ source: { kind: 'folder', dir: other, dtype: 'bf16' }, repo: 'me/between' }));
    const order = rig.request({ source, repo: 'me/original', restart: true });
    const mark = rig.sandbox.hub.requests.length;
    await expect(run(order)).rejects.toMatchObject({
      code: 'check.cannot_score',
      exitCode: 3,
      message: expect.stringContaining('duplicate: '),
    });
    expect(commitsSince(mark)).toEqual([]);
    const asked: WriteQuestion[] = [];
    const ask = async (question: WriteQuestion) => void asked.push(question);
    const again = await finish(publish({ ...order, noCheck: true, ask }, rig.place), tell);
    expect(asked).toMatchObject([
      { verdict: 'cannot_score', text: expect.stringContaining('me/original') },
      { verdict: null, rehearsal: true, replaces: expect.any(Number) },
    ]);
    expect(again.hotkey).toBe(hotkey.ss58);
    expect(notes.join()).toMatch(/committed the same content at block \d+: the later copy cannot win/);
  });

  it('refuses a named network whose endpoint serves another chain, before anything is asked or sent', async () => {
    const mark = rig.sandbox.hub.requests.length;
    const finney = rig.place.networks.finney!;
    const place = { ...rig.place, network: 'finney', networks: { finney } };
    const ask = () => Promise.reject(new Error('asked'));
    await expect(finish(publish(rig.request({ repo: 'me/elsewhere', ask }), place))).rejects.toMatchObject({
      code: 'chain.wrong_network',
      exitCode: 5,
    });
    expect(commitsSince(mark)).toEqual([]);
  });

  it('refuses a README that the Hub will not take, before an object is sent', async () => {
    const dir = await makeModel(join(rig.home, 'carded'), { seed: 77 });
    await writeFile(join(dir, 'README.md'), '---\nlicense: [apache\nmodel-index: not correct\n---\n# mine\n');
    const request = rig.request({ source: { kind: 'folder', dir, dtype: 'bf16' }, repo: 'me/carded' });
    const message = 'Invalid metadata in README.md.';
    rig.sandbox.hub.setFaults([
      { match: 'POST /api/validate-yaml', does: { kind: 'status', status: 400, message } },
    ]);
    const mark = rig.sandbox.hub.requests.length;
    const refusal = {
      code: 'hub.readme_refused',
      exitCode: 3,
      message: expect.stringContaining('README.md'),
    };
    await expect(finish(previewPublish(request, rig.place))).rejects.toMatchObject(refusal);
    await expect(run(request)).rejects.toMatchObject(refusal);
    expect(commitsSince(mark)).toEqual([]);
    rig.sandbox.hub.setFaults([]);
  });

  it('shows every step beforehand and writes nothing anywhere', async () => {
    const mark = rig.sandbox.hub.requests.length;
    const plan = await finish(previewPublish(rig.request({ repo: 'me/planned' }), rig.place));
    expect(plan.steps.map(({ step }) => step)).toEqual([
      'check',
      'private',
      'upload',
      'confirm',
      'commit',
      'read-back',
      'public',
      'confirm-public',
    ]);
    expect(plan.steps.find(({ step }) => step === 'upload')!.bytes).toBe(
      plan.files.reduce((sum, file) => sum + file.size, 0),
    );
    expect(plan.commitment).toMatch(/^me:planned:<commit>:/);
    expect(await rig.hub.revision('me/planned')).toBeNull();
    expect(commitsSince(mark)).toEqual([]);
    await expect(
      readFile(journalPath(rig.home, keyOf(rig.request({ repo: 'me/planned' }), rig))),
    ).rejects.toThrow();
  });
});
