import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub } from '../../src/hub/index.ts';
import type { Place } from '../../src/place.ts';
import { finish } from '../../src/progress.ts';
import { hiddenRepositories, type PublishRequest, publish } from '../../src/publish/index.ts';
import type { ChainFaults } from '../../src/sandbox/chain/index.ts';
import type { Fault, FaultAction, Step } from '../../src/sandbox/hub/index.ts';
import { sandboxDir, startSandbox } from '../../src/sandbox/index.ts';
import { nonceOf } from './nonce.ts';
import { makeModel, type Rig, startRig } from './support.ts';

let rig: Rig & { dir: string };
let place: Place;
let count = 0;

/** Retries without long pauses: what is tested is what becomes of the publish. */
async function open(blockTimeMs: number) {
  rig = await startRig({ blockTimeMs });
  const { hub } = rig.settings;
  const retry = { attempts: 3, baseMs: 10, capMs: 50, idleMs: 3000 };
  const quick = createHub({ endpoint: hub.endpoint!, token: hub.token!, retry });
  place = { ...rig.place, hub: async () => quick };
}

// A sandbox for each test: its chain takes about 31 commitments an epoch.
beforeEach(() => open(100));
afterEach(() => rig?.close());

/** A model that nobody has published yet. */
async function newRequest(): Promise<PublishRequest> {
  count += 1;
  const dir = await makeModel(join(rig.home, `faulty-${count}`), { seed: 100 + count });
  const source = { kind: 'folder' as const, dir, dtype: 'bf16' as const };
  return rig.request({ source, repo: `me/faulty-${count}`, wait: true });
}

/** Whatever happened before: one more call ends well, and there has been one commitment. */
async function expectOneCommitment(request: PublishRequest, nonceBefore: number) {
  rig.sandbox.hub.setFaults([]);
  rig.sandbox.chain!.setFaults({});
  const outcome = await finish(publish(request, place));
  expect(await nonceOf(rig.sandbox)).toBe(nonceBefore + 1);
  expect(await rig.chain.commitment(9, rig.hotkey.ss58)).toEqual({
    text: outcome.commitment,
    block: outcome.block,
  });
  expect(outcome.public).toBe(true);
  expect((await rig.hub.anonymous().revision(request.repo))?.commit).toBe(outcome.commit);
  return outcome;
}

const STEPS: Step[] = [
  'whoami',
  'info',
  'tree',
  'create',
  'preupload',
  'batch',
  'put',
  'commit',
  'settings',
  'resolve',
];
const PASSING: Record<string, FaultAction> = {
  'an error 500': { kind: 'status', status: 500 },
  'a 429 that says when': { kind: 'status', status: 429, retryAfter: '0' },
  'a connection dropped before the work': { kind: 'drop', when: 'before' },
  'a connection dropped after the work': { kind: 'drop', when: 'after' },
};

describe('a publish whose Hub fails', () => {
  for (const [name, does] of Object.entries(PASSING)) {
    it(`rides out ${name}, at any step`, async () => {
      for (const step of STEPS) {
        const request = await newRequest();
        const nonce = await nonceOf(rig.sandbox);
        rig.sandbox.hub.setFaults([{ step, times: 1, does }]);
        const failure = await finish(publish(request, place)).then(
          () => null,
          (error: unknown) => error,
        );
        expect(failure, `${step}: ${failure}`).toBeNull();
        await expectOneCommitment(request, nonce);
      }
    });
  }

  it('ends in a typed error when it is refused for good, at any step, and is finished by the next call', async () => {
    for (const step of STEPS) {
      const request = await newRequest();
      const nonce = await nonceOf(rig.sandbox);
      const faults: Fault[] = [{ step, does: { kind: 'status', status: 403 } }];
      rig.sandbox.hub.setFaults(faults);
      await expect(finish(publish(request, place)), step).rejects.toMatchObject({
        code: expect.stringMatching(/^[a-z]+\.[a-z_]+$/),
        nextSteps: expect.arrayContaining([expect.any(String)]),
      });
      await expectOneCommitment(request, nonce);
    }
  });
});

const CHAIN_FAULTS: Record<string, Partial<ChainFaults>> = {
  'a connection cut before the extrinsic arrives': {
    cut: { method: 'author_submitExtrinsic', when: 'before', times: 1 },
  },
  'a connection cut after the extrinsic arrived': {
    cut: { method: 'author_submitExtrinsic', when: 'after', times: 1 },
  },
  'a connection cut at every tenth of calls': { cut: { method: '*', when: 'after', times: 3 } },
  'an extrinsic dropped from the pool': { dropExtrinsics: 1 },
  latency: { latencyMs: 120 },
};

describe('a publish whose chain fails', () => {
  for (const [name, faults] of Object.entries(CHAIN_FAULTS)) {
    it(`makes one commitment in spite of ${name}`, async () => {
      const request = await newRequest();
      const nonce = await nonceOf(rig.sandbox);
      rig.sandbox.chain!.setFaults(faults);
      await finish(publish(request, place));
      await expectOneCommitment(request, nonce);
    });
  }

  it('makes one commitment when the node is restarted right after the extrinsic was announced', async () => {
    const request = await newRequest();
    const nonce = await nonceOf(rig.sandbox);
    const work = publish(request, place);
    for (let next = await work.next(); !next.done; next = await work.next()) {
      if (next.value.kind !== 'note' || !next.value.message.startsWith('Committing')) continue;
      await rig.sandbox.close();
      rig.sandbox = await startSandbox({ dir: sandboxDir(rig.home), blockTimeMs: 100 });
    }
    await expectOneCommitment(request, nonce);
  });

  it('says when it may go on, and waits when told to', async () => {
    await rig.close();
    await open(25); // an epoch is 360 blocks
    const request = { ...(await newRequest()), wait: false };
    const { chain, hotkey } = rig;
    for (let n = 0; (await chain.commitLimit(9, hotkey.ss58, 100)).allowed; n += 1)
      await chain.commit({ netuid: 9, text: `filler ${n}`, hotkey });
    const mark = rig.sandbox.hub.requests.length;
    await expect(finish(publish(request, place))).rejects.toMatchObject({
      code: 'chain.limit',
      exitCode: 6,
      details: { retryAt: expect.stringMatching(/^\d{4}-/), freeAtBlock: expect.any(Number) },
    });
    expect(rig.sandbox.hub.requests.slice(mark).filter(({ step }) => step === 'put')).toEqual([]);
    const phases = new Set<string>();
    await finish(publish({ ...request, wait: true }, place), (event) => {
      if (event.kind === 'progress') phases.add(event.phase);
    });
    expect(phases).toContain('waiting for the commit limit');
  }, 120_000);
});

describe('a publish over a model that is being paid for', () => {
  /** Whatever made it fail: the old revision can be loaded by strangers, or the error and the next status say that it cannot. */
  async function expectPaid(request: PublishRequest, paid: string, error: unknown, when: string) {
    rig.sandbox.hub.setFaults([]);
    const stranger = rig.hub.anonymous();
    const visible = (await stranger.revision(request.repo, paid)) !== null;
    const hidden = await hiddenRepositories(place, rig.chain.genesisHash);
    if (visible) {
      expect(hidden, when).toEqual([]);
      const bytes = await stranger.range(request.repo, paid, 'config.json', 0, 20);
      expect(bytes.length, when).toBe(20);
    } else {
      expect(String(error), when).toContain(`${request.repo} is private since`);
      expect(
        hidden.map(({ repo }) => repo),
        when,
      ).toEqual([request.repo]);
    }
    return visible;
  }

  /** Two models for one repository; the first is on chain and public. */
  async function published(): Promise<{ request: PublishRequest; paid: string }> {
    const first = await newRequest();
    const { commit } = await finish(publish(first, place));
    const second = await newRequest();
    return { request: { ...second, repo: first.repo }, paid: commit! };
  }

  /** A request, and how many of its kind pass before it. */
  const MOMENTS: [Step, number][] = [
    ['preupload', 0],
    ['batch', 0],
    ['put', 0],
    ['settings', 0],
    ['settings', 1],
    ['commit', 0],
    ['info', 2],
    ['info', 3],
    ['info', 4],
    ['tree', 3],
    ['resolve', 0],
  ];
  const REFUSALS: Record<string, FaultAction> = {
    'a quota': { kind: 'status', status: 403, message: 'Private repository storage limit reached' },
    'a revoked token': { kind: 'status', status: 401 },
    'a dropped line': { kind: 'drop', when: 'before' },
    'a line dropped after the work': { kind: 'drop', when: 'after' },
  };
  for (const [name, does] of Object.entries(REFUSALS)) {
    it(`stays loadable, or it is said, after ${name} from any request on`, async () => {
      const seen = { loadable: 0, said: 0 };
      for (const [step, after] of MOMENTS) {
        const { request, paid } = await published();
        const nonce = await nonceOf(rig.sandbox);
        rig.sandbox.hub.setFaults([{ step, after, does }]);
        const error = await finish(publish(request, place)).catch((failure: unknown) => failure);
        if (await expectPaid(request, paid, error, `${step} ${after}`)) seen.loadable += 1;
        else seen.said += 1;
        if (error instanceof Error) await expectOneCommitment(request, nonce);
      }
      expect(seen.loadable).toBeGreaterThan(0);
    }, 120_000);
  }

  it('is public again when the commit is refused and the next requests are not', async () => {
    const { request, paid } = await published();
    rig.sandbox.hub.setFaults([{ step: 'commit', does: { kind: 'status', status: 403 } }]);
    const error = await finish(publish(request, place)).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ code: 'hub.forbidden' });
    expect(await expectPaid(request, paid, error, 'commit')).toBe(true);
  });

  it('is hidden for two requests of the Hub and the commitment, not for the upload', async () => {
    const { request, paid } = await published();
    const mark = rig.sandbox.hub.requests.length;
    await finish(publish(request, place));
    const steps = rig.sandbox.hub.requests.slice(mark).map(({ step }) => step);
    const hiding = steps.indexOf('settings');
    expect(steps.slice(hiding, hiding + 2)).toEqual(['settings', 'commit']);
    expect(steps.slice(hiding)).not.toContain('put');
    expect((await rig.hub.anonymous().revision(request.repo, paid))?.commit).toBe(paid);
  });

  it('says that it is hidden when the chain refuses, and --public-upload shows it', async () => {
    const { request, paid } = await published();
    rig.sandbox.chain!.setFaults({
      reject: {
        method: 'author_submitExtrinsic',
        times: 100,
        code: 1010,
        message: 'Invalid Transaction',
        data: 'Custom error: 10',
      },
    });
    const error = await finish(publish(request, place)).catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      exitCode: expect.any(Number),
      details: { hidden: { repo: request.repo } },
    });
    expect(await expectPaid(request, paid, error, 'chain')).toBe(false);
    await finish(publish({ ...request, publicUpload: true }, place)).catch(() => null);
    expect(await expectPaid(request, paid, error, 'revealed')).toBe(true);
    const nonce = await nonceOf(rig.sandbox);
    await expectOneCommitment(request, nonce);
  });
});

it('does not replace what another machine committed during the upload', async () => {
  const request = await newRequest();
  const { chain, hotkey } = rig;
  const work = publish(request, place);
  for (
    let next = await work.next();
    !next.done;
    next = await work.next().catch((error) => ({ done: true, value: error }))
  ) {
    if (next.value.kind === 'progress' && next.value.phase === 'uploading') {
      await chain.commit({ netuid: 9, text: 'from another machine', hotkey });
      break;
    }
  }
  await expect(finish(work)).rejects.toMatchObject({ code: 'publish.replaced', exitCode: 2 });
  expect((await chain.commitment(9, hotkey.ss58))?.text).toBe('from another machine');
  await expect(finish(publish(request, place))).rejects.toMatchObject({ code: 'publish.replaced' });
  const outcome = await finish(publish({ ...request, replace: true }, place));
  expect((await chain.commitment(9, hotkey.ss58))?.text).toBe(outcome.commitment);
});

it('goes on from any moment that it was left at', async () => {
  for (let events = 1; ; events += 1) {
    const request = await newRequest();
    const nonce = await nonceOf(rig.sandbox);
    const work = publish(request, place);
    let done = false;
    for (let n = 0; n < events && !done; n += 1) done = (await work.next()).done ?? false;
    if (!done) await work.return(undefined as never);
    await expectOneCommitment(request, nonce);
    if (done) break;
  }
}, 120_000);
