/** What a hotkey holds in the commitments pallet, and what another commitment of it would cost. */
import { expect, test } from 'vitest';
import type { DataField, StoredCommitments } from '../../src/chain/types.ts';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { goneOf, lossBy } from '../../src/publish/held.ts';
import { sealedPlaintext } from '../../src/rules/index.ts';

const place = (name: string) => ({
  profileName: name,
  profile: profileNamed(loadConstants(), name),
});
const at = { hotkey: '5Me', block: 8_000_000 };
const entry = (...fields: DataField[]): StoredCommitments['entry'] => ({ block: 5, text: null, fields });
const seal = (kind: 'sealed' | 'failed'): DataField => ({ kind, encrypted: new Uint8Array(3), round: 7 });
const opened = (text: string, block: number) => ({ bytes: sealedPlaintext(text), block });

test('a pending seal is lost to any commitment, a failed one and a plain one to none', () => {
  for (const name of ['affine', 'coldint']) {
    const lost = (...fields: DataField[]) =>
      lossBy({ entry: entry(...fields), revealed: [] }, place(name), at);
    expect(lost(seal('sealed'))).toMatchObject({ code: 'seal.pending' });
    const raw: DataField = { kind: 'raw', bytes: new Uint8Array(1), text: 'x' };
    // Plain fields beside it do not hide it.
    expect(lost(raw, seal('sealed'))).toMatchObject({ code: 'seal.pending' });
    expect(lost(seal('failed'))).toBeNull();
    expect(lost(raw)).toBeNull();
  }
});

test('what was never revealed is no reveal of those that are taken for ever', () => {
  const affine = (revealed: StoredCommitments['revealed'], failed = false) =>
    lossBy({ entry: failed ? entry(seal('failed')) : null, revealed }, place('affine'), at);
  expect(affine([], true)).toBeNull();
  expect(affine([])).toBeNull();
  expect(affine([opened('x', 9)])).toMatchObject({ code: 'seal.spent' });
  expect(lossBy({ entry: null, revealed: [opened('x', 9)] }, place('albedo'), at)).toBeNull();
});

test('a hotkey that is scored once is spent by a text that its validators read, not by another', () => {
  const key = `5${'A'.repeat(47)}`;
  const text = `v4|me/teutonic-x|hf:${'0'.repeat(40)}|${key}`;
  const teutonic = (...revealed: StoredCommitments['revealed']) =>
    lossBy({ entry: null, revealed }, place('teutonic'), at);
  expect(teutonic(opened(text, 8_400_000))).toMatchObject({
    code: 'seal.spent',
    message: expect.stringContaining('score a hotkey once'),
  });
  // Before the block from which they look, or in another subnet's form.
  expect(teutonic(opened(text, 8_000_000))).toBeNull();
  expect(teutonic(opened('v7|me/albedo-x|abc', 8_400_000))).toBeNull();
  expect(lossBy({ entry: null, revealed: [opened(text, 8_400_000)] }, place('albedo'), at)).toBeNull();
});

test('a commitment that has been opened is known by its block, with its text', () => {
  expect(goneOf({ entry: null, lastBlock: 5, revealed: [opened('old', 3), opened('new', 6)] })).toEqual({
    block: 5,
    text: 'new',
  });
  // Lost: nothing was opened after it.
  expect(goneOf({ entry: null, lastBlock: 5, revealed: [opened('old', 3)] })).toEqual({
    block: 5,
    text: null,
  });
  expect(goneOf({ entry: entry(seal('sealed')), lastBlock: 5, revealed: [] })).toBeNull();
  expect(goneOf({ entry: null, lastBlock: null, revealed: [] })).toBeNull();
});
