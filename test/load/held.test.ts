import { describe, expect, it } from 'vitest';
import type { DataField, StoredCommitments } from '../../src/chain/types.ts';
import { loadConstants, profileNamed } from '../../src/constants.ts';
import { heldOf } from '../../src/publish/held.ts';

const constants = loadConstants();
const PIN = '027c1146b1b8f9274e5a4cfd7a959e328a326cd6';
const text = (model: string) => `v7|acme/albedo-qwen3.6-35b-${model}|${PIN}`;
const scaled = (value: string) => {
  const bytes = Buffer.from(value);
  const length =
    bytes.length < 64
      ? Buffer.of(bytes.length << 2)
      : Buffer.from(Uint16Array.of((bytes.length << 2) | 1).buffer);
  return new Uint8Array(Buffer.concat([length, bytes]));
};
const raw = (value: string): DataField => ({ kind: 'raw', bytes: Buffer.from(value), text: value });
const seal = (kind: 'sealed' | 'failed', round = 1000): DataField => ({
  kind,
  encrypted: new Uint8Array(300),
  round,
});
const entry = (block: number, ...fields: DataField[]): StoredCommitments['entry'] => ({
  block,
  text: fields.length === 1 && fields[0]?.kind === 'raw' ? fields[0].text : null,
  fields,
});
const opened = (value: string, block: number) => ({ bytes: scaled(value), block });
const beacon = { newest: 2000, oldest: 1 };
const albedo = profileNamed(constants, 'albedo');
const held = (stored: Partial<StoredCommitments>, profile = albedo) =>
  heldOf({ entry: null, revealed: [], lastBlock: null, ...stored }, profile, beacon);

describe('what a hotkey holds', () => {
  it.each<[string, Partial<StoredCommitments>, string]>([
    ['nothing', {}, 'none'],
    ['a plain text', { entry: entry(5, raw('x')), lastBlock: 5 }, 'plain'],
    ['a seal', { entry: entry(5, seal('sealed')), lastBlock: 5 }, 'sealed'],
    [
      'a seal over an older reveal',
      { entry: entry(9, seal('sealed')), lastBlock: 9, revealed: [opened(text('a'), 5)] },
      'sealed',
    ],
    ['a seal that failed', { entry: entry(5, seal('failed')), lastBlock: 5 }, 'failed'],
    ['a seal beside a plain field', { entry: entry(5, raw('x'), seal('sealed')), lastBlock: 5 }, 'sealed'],
    ['what was opened', { lastBlock: 5, revealed: [opened(text('a'), 8)] }, 'revealed'],
    ['what was opened in its own block', { lastBlock: 5, revealed: [opened(text('a'), 5)] }, 'revealed'],
    [
      'what was opened beside a plain field',
      { entry: entry(5, raw('x')), lastBlock: 5, revealed: [opened(text('a'), 8)] },
      'revealed',
    ],
    ['a seal that an old runtime dropped', { lastBlock: 9, revealed: [opened(text('a'), 5)] }, 'lost'],
    ['a first seal that was dropped', { lastBlock: 9 }, 'lost'],
  ])('%s', (_, stored, state) => {
    expect(held(stored).state).toBe(state);
  });

  it('goes by the newest reveal that can be read, of a plain profile by the text alone', () => {
    const revealed = [opened(text('old'), 5), opened(text('new'), 7), opened('junk', 9)];
    expect(held({ revealed, lastBlock: 7 }).current).toMatchObject({ text: text('new'), block: 7 });
    expect(held({ revealed: [opened('junk', 9)] }).current).toEqual({ text: 'junk', block: 9, fields: null });
    const coldint = profileNamed(constants, 'coldint');
    const plain = `acme:m:${PIN}:hash:c01`;
    expect(held({ entry: entry(5, raw(plain)), revealed }, coldint)).toMatchObject({
      state: 'plain',
      current: { text: plain, fields: { repo_ns: 'acme' } },
    });
  });

  it('takes the newer of plain and revealed where both are read', () => {
    const resi = profileNamed(constants, 'resi');
    const json = (repo: string) => `{"h":"${'ab'.repeat(32)}","r":"${repo}"}`;
    const revealed = [opened(json('a/sealed'), 7)];
    const at = (block: number) =>
      held({ entry: entry(block, raw(json('a/plain'))), lastBlock: block, revealed }, resi);
    expect(at(9).current?.fields).toMatchObject({ repo: 'a/plain' });
    expect(at(6).current?.fields).toMatchObject({ repo: 'a/sealed' });
  });
});
