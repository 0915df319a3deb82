import type { StatusRow } from '../../src/load/index.ts';
import type { SubnetFacts } from '../../src/report/subnet-page.ts';

/** Sizes, ages and incentives of a full subnet, with `text` wherever a stranger's could stand. */
export function subnetFacts(text = 'plain'): SubnetFacts {
  const neurons = Array.from({ length: 256 }, (_, uid): StatusRow => {
    const empty = uid % 7 === 6;
    return {
      uid,
      hotkey: `5Hot${uid}`,
      incentive: uid === 3 ? 0.6 : uid < 10 ? 0.04 : 0,
      block: empty ? null : 4_000_000 - uid ** 2 * 50,
      commitment: empty ? (uid % 2 === 0 ? null : text) : `x:${text}`,
      state: empty ? 'none' : 'plain',
      seal: null,
      id: null,
      repo: empty ? null : `someone/${text}-${uid}`,
      commit: empty ? null : 'ab12'.repeat(10),
      hub: null,
      competition: null,
      url: empty ? null : `http://127.0.0.1:1/someone/${uid}`,
    };
  });
  return {
    status: {
      block: 4_000_000,
      netuid: 9,
      neurons: neurons.sort((a, b) => b.incentive - a.incentive || a.uid - b.uid),
      bestUid: 3,
      place: 4,
      own: null,
      limit: null,
      hotkey: '5Hot5',
      registered: true,
      retired: null,
      loss: null,
    },
    network: 'finney',
    profile: '3.2',
    sizes: new Map(
      neurons.flatMap(({ uid, repo, commit }) =>
        repo === null || uid % 3 === 0
          ? []
          : [[`${repo}@${commit}`, uid === 4 ? null : 1e9 + uid * 1e7] as const],
      ),
    ),
    standings: [
      { at: '2026-11-26T08:00:00Z', block: 100, uid: 5, place: 2, state: 'plain', incentive: 0.25 },
      { at: '2026-11-26T09:00:00Z', block: 200, uid: 5, place: 4, state: 'plain', incentive: 0.04 },
    ],
    losses: new Map([
      [3, { block: 4_000_000 - 450, loss: 2.4123, at: '2026-11-23T12:00:00.000Z', data: [text] }],
      // Scored before it was replaced by another commitment.
      [5, { block: 17, loss: 1.1111, at: '2026-11-23T12:00:00.000Z', data: [text] }],
    ]),
    secondsPerBlock: 12,
    madeAt: new Date('2026-11-23T12:00:00.000Z'),
  };
}
