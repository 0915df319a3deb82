import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Commitment, CommitmentStore, Neuron } from '../../src/chain/types.ts';
import { loadConstants } from '../../src/constants.ts';
import { bestMiner, isLoadable, joinMiners } from '../../src/load/index.ts';
import { statusOutput, statusSchema } from '../../src/output/status.ts';
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

  it('lets nothing but plain repositories and full commits through, whatever is on chain', () => {
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
          retired: null,
        };
        const printed = jsonText(statusOutput({ ...status, neurons: [row] }, []));
        expect(statusSchema.parse(JSON.parse(printed)).neurons[0]!.commitment).toBe(hostile);
        if (!isLoadable(miner!)) return;
        expect(miner.repo).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*$/);
        expect(miner.repo).not.toContain('..');
        expect(miner.commit).toMatch(/^[0-9a-f]{40}$/);
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
