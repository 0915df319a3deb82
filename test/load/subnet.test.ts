import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chain, Commitment, CommitmentStore, Neuron } from '../../src/chain/types.ts';
import { loadConstants } from '../../src/constants.ts';
import { findBest, findUid } from '../../src/load/find.ts';
import { bestMiner, bestOf, isLoadable, joinMiners } from '../../src/load/index.ts';
import { statusOutput, statusSchema } from '../../src/output/status.ts';
import {
  commitmentFor,
  givenFields,
  hubPlaceOf,
  isPinned,
  parseCommitment,
  sealedPlaintext,
} from '../../src/rules/index.ts';
import { jsonText } from '../../src/text/json-text.ts';

const { profiles } = loadConstants();
const COMMIT = 'ab'.repeat(20);
const HASH = `${'A'.repeat(43)}=`;

const neuron = (uid: number, incentive: number): Neuron => ({
  uid,
  hotkey: `5${uid}`,
  incentive,
  validatorPermit: false,
  active: true,
});
const on = (text: string | null, block = 1): Commitment => ({ block, text });
const held = (commitments: ReadonlyMap<string, Commitment>): CommitmentStore => ({
  entries: new Map(
    [...commitments].map(([hotkey, each]) => [
      hotkey,
      { entry: { ...each, fields: [] }, revealed: [], lastBlock: each.block },
    ]),
  ),
  beacon: null,
});

describe('the subnet joined with its commitments', () => {
  it('takes the highest incentive whose commitment names a model, the lower uid among equals in 3.2', () => {
    const neurons = [neuron(0, 0.9), neuron(1, 0.5), neuron(2, 0.5), neuron(3, 0.1)];
    const commitments = new Map([
      ['50', on('not a model')],
      ['51', on(`a:one:${COMMIT}:${HASH}`)],
      ['52', on(`a:two:${COMMIT}:${HASH}`)],
      ['53', on(`a:three:${COMMIT}:${HASH}`)],
    ]);
    expect(bestMiner(joinMiners(neurons, held(commitments), profiles['3.2']))?.uid).toBe(1);
  });

  it('takes the higher uid among equals in 6.0, and only the competition asked for', () => {
    const neurons = [neuron(0, 0.5), neuron(1, 0.5), neuron(2, 0.7)];
    const commitments = new Map([
      ['50', on(`a:one:${COMMIT}:${HASH}:3`)],
      ['51', on(`a:two:${COMMIT}:${HASH}:3`)],
      ['52', on(`a:other:${COMMIT}:${HASH}:4`)],
    ]);
    const miners = joinMiners(neurons, held(commitments), profiles['6.0']);
    expect(bestMiner(miners, 3)?.uid).toBe(1);
    expect(bestMiner(miners, 4)?.uid).toBe(2);
    expect(bestMiner(miners, 5)).toBeNull();
    expect(bestMiner(miners)?.uid).toBe(2);
  });

  it.each([
    `../../etc:passwd:${COMMIT}:${HASH}`,
    `..:..:${COMMIT}:${HASH}`,
    `a/b:c:${COMMIT}:${HASH}`,
    `a:b?x=1:${COMMIT}:${HASH}`,
    `a:b%2f..:${COMMIT}:${HASH}`,
    `a:\u202eb:${COMMIT}:${HASH}`,
    `a:b\n:${COMMIT}:${HASH}`,
    `__proto__:constructor/x:${COMMIT}:${HASH}`,
    `a:b:main:${HASH}`,
    `a:b:../../../x:${HASH}`,
    `a:b:None:${HASH}`,
    '::::',
  ])('never looks for what %j names', (text) => {
    for (const profile of Object.values(profiles)) {
      const [miner] = joinMiners([neuron(0, 1)], held(new Map([['50', on(text)]])), profile);
      expect(isLoadable(miner!)).toBe(false);
      expect(miner!.commitment).toBe(text);
    }
  });

  it('lets nothing but plain repositories and revisions through (of the pretraining releases full commits), whatever is on chain', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.constantFrom('..', 'a', 'a-b', 'None', COMMIT, HASH, '0', '-1', '٣'),
    );
    const text = fc.oneof(
      fc.constant(null),
      fc.string({ unit: 'binary', maxLength: 128 }),
      fc.array(part, { maxLength: 7 }).map((parts) => parts.join(':')),
    );
    fc.assert(
      fc.property(text, fc.constantFrom(...Object.values(profiles)), (hostile, profile) => {
        const [miner] = joinMiners([neuron(0, 1)], held(new Map([['50', on(hostile)]])), profile);
        const row = { ...miner!, url: null };
        const status = {
          block: 1,
          netuid: 9,
          bestUid: null,
          place: null,
          own: null,
          limit: null,
          hotkey: null,
          registered: null,
          loss: null,
          retired: null,
        };
        const printed = jsonText(statusOutput({ ...status, neurons: [row] }, []));
        expect(statusSchema.parse(JSON.parse(printed)).neurons[0]!.commitment).toBe(hostile);
        if (!isLoadable(miner!)) return;
        expect(miner.hub.repo).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*$/);
        expect(miner.hub.repo).not.toContain('..');
        const { revision } = miner.hub;
        if (profile.pretraining !== null) expect(revision).toMatch(/^[0-9a-f]{40}$/);
        if (revision !== null) expect(revision).toMatch(/^(?!.*\.\.)\w[\w./-]{0,254}$/);
      }),
      { numRuns: 500 },
    );
  });

  it('ranks as the reference does, for any subnet', () => {
    const subnet = fc.array(fc.record({ incentive: fc.constantFrom(0, 0.25, 0.5, 1), model: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(subnet, (rows) => {
        const neurons = rows.map(({ incentive }, uid) => neuron(uid, incentive));
        const commitments = new Map(
          rows.flatMap(({ model }, uid) =>
            model ? [[`5${uid}`, on(`a:m:${COMMIT}:${HASH}`)] as const] : [],
          ),
        );
        const uids = [...rows.keys()].filter((uid) => rows[uid]!.model);
        const top = Math.max(...uids.map((uid) => rows[uid]!.incentive));
        const equal = uids.filter((uid) => rows[uid]!.incentive === top);
        const best = (profile: '3.2' | '6.0') =>
          bestMiner(joinMiners(neurons, held(commitments), profiles[profile]))?.uid;
        expect(best('3.2')).toBe(equal[0]);
        expect(best('6.0')).toBe(equal.at(-1));
      }),
    );
  });
});

describe('the king of a live subnet', () => {
  const profile = profiles.teutonic!;
  const rules = { profile, schedule: loadConstants().schedules['schedule.sandbox']!, netuid: 3 };
  const HOTKEY = '5HHBfPr8QwPLt3zZRNbF49FE8vd361uY3pUMqYbDMSmHSxTw';
  /** A chain on which uid i has the i-th text revealed (null: none) and that incentive. */
  const chainOf = (rows: [text: string | null, incentive: number][]): Chain =>
    ({
      block: async () => 9_000_000,
      neurons: async () => rows.map(([, incentive], uid) => neuron(uid, incentive)),
      store: async () => ({
        entries: new Map(
          rows.flatMap(([text], uid) =>
            text === null
              ? []
              : [[`5${uid}`, { entry: null, revealed: [reveal(text)], lastBlock: 8_999_999 }] as const],
          ),
        ),
        beacon: null,
      }),
      storeOf: async (_: number, hotkey: string) => {
        const text = rows[Number(hotkey.slice(1))]![0];
        return {
          entry: null,
          revealed: text === null ? [] : [reveal(text)],
          lastBlock: 8_999_999,
          beacon: null,
        };
      },
    }) as Partial<Chain> as Chain;
  const reveal = (text: string) => ({ bytes: sealedPlaintext(text), block: 8_999_999 });
  const onHub = (name: string) => `v4|me/teutonic-${name}|hf:${COMMIT}|${HOTKEY}`;
  const hippius = `v4|me/teutonic-x|sha256:${'0'.repeat(64)}|${HOTKEY}`;
  const best = (rows: [string | null, number][]) => findBest(chainOf(rows), undefined, null, rules);

  it('is the best paid with a readable text, and no other is taken where that is elsewhere', async () => {
    expect(
      await best([
        [onHub('a'), 0.1],
        [onHub('b'), 0.9],
      ]),
    ).toMatchObject({
      ...{ uid: 1, repo: 'me/teutonic-b', revision: COMMIT, doubt: null },
    });
    const rows: [string, number][] = [
      [onHub('a'), 0],
      [onHub('b'), 0],
      [hippius, 1],
    ];
    const wrong = {
      code: 'load.elsewhere',
      message: expect.stringMatching(/uid 2.*Hippius registry.*sha256:0000/s),
    };
    await expect(best(rows)).rejects.toMatchObject(wrong);
    await expect(findUid(chainOf(rows), 2, rules)).rejects.toMatchObject({
      ...{ code: 'load.elsewhere', message: expect.stringContaining('Hippius registry') },
    });
    const subnet = {
      block: 9_000_000,
      netuid: 3,
      miners: joinMiners(await chainOf(rows).neurons(3), await chainOf(rows).store(3), profile),
    };
    expect(bestOf(subnet, null, rules)?.uid).toBe(2);
  });

  it('is doubted by name where somebody is paid more, and where nobody is paid', async () => {
    expect(
      await best([
        [null, 0.8],
        ['nothing', 0.15],
        [onHub('a'), 0.05],
      ]),
    ).toMatchObject({
      uid: 2,
      doubt: expect.stringMatching(/uid 0 \(incentive 0.800\), uid 1 .*paid more than uid 2/),
    });
    expect(
      await best([
        [onHub('a'), 0],
        [null, 0],
      ]),
    ).toMatchObject({
      ...{ uid: 0, doubt: expect.stringContaining('No miner') },
    });
  });
});

describe("a text's model on a Hub", () => {
  const sha256 = 'cd'.repeat(32);
  const hotkey = '5HHBfPr8QwPLt3zZRNbF49FE8vd361uY3pUMqYbDMSmHSxTw';
  it.each(Object.keys(profiles).filter((name) => profiles[name]!.pin.store !== 'none'))(
    '%s: is where the text says, and what was found there is told apart',
    (name) => {
      const profile = { ...profiles[name]!, repo: {} };
      const own = Object.fromEntries(
        givenFields(profile).map(({ name }) => [name, name === 'file' ? 'm.onnx' : '7']),
      );
      const text = commitmentFor(profile, {
        ...{
          repo: 'me/model',
          commit: COMMIT,
          contentHash: HASH,
          hotkey,
          sha256,
          fields: own,
        },
      });
      const id = parseCommitment(profile, text)!;
      const place = hubPlaceOf(profile, id)!;
      expect(place.repo).toBe('me/model');
      expect([COMMIT, null]).toContain(place.revision);
      const found = { commit: COMMIT, contentHash: HASH, sha256: new Set([sha256]) };
      const other = {
        commit: 'ee'.repeat(20),
        contentHash: `${'B'.repeat(43)}=`,
        sha256: new Set(['ee'.repeat(32)]),
      };
      expect(isPinned(profile, id, found, hotkey)).toBe(name === 'dippy' ? null : true);
      expect(isPinned(profile, id, other, hotkey)).not.toBe(true);
    },
  );

  it('may be a branch or the first digits of a commit, where validators take those', () => {
    const evolai = parseCommitment(profiles.evolai!, '{"t":{"m":"a/b","r":"main"}}')!;
    expect(hubPlaceOf(profiles.evolai!, evolai)).toEqual({ repo: 'a/b', revision: 'main' });
    const found = { commit: COMMIT, contentHash: HASH, sha256: new Set<string>() };
    expect(isPinned(profiles.evolai!, evolai, found, hotkey)).toBeNull();
    const connito = parseCommitment(profiles.connito!, `{"r":"a/b","rv":"${COMMIT.slice(0, 8)}"}`)!;
    expect(hubPlaceOf(profiles.connito!, connito)).toEqual({ repo: 'a/b', revision: COMMIT.slice(0, 8) });
    expect(isPinned(profiles.connito!, connito, found, hotkey)).toBe(true);
    for (const revision of ['../x', 'a b', 'ab12', '', 'a//b', '-a'])
      expect(
        hubPlaceOf(
          profiles.connito!,
          parseCommitment(profiles.connito!, JSON.stringify({ r: 'a/b', rv: revision }))!,
        ),
      ).toBeNull();
  });
});
