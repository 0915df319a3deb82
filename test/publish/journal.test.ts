import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import {
  type Journal,
  journalPath,
  newJournal,
  parseJournal,
  readJournal,
  sameContent,
  writeJournal,
} from '../../src/publish/journal.ts';
import { attack } from '../support/attack.ts';

const key = { genesis: '0x01', netuid: 9, hotkey: '5Hot', repo: 'me/first' };

const hex = (length: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length })
    .map((digits) => digits.join(''));
const text = fc.string({ unit: 'binary', maxLength: 60 });
const nat = fc.nat(2 ** 40);

const content = fc.record({
  source: fc.constantFrom('folder' as const, 'hub' as const, 'elsewhere' as const),
  commit: fc.option(hex(40)),
  pin: fc.option(text),
  profile: fc.constantFrom('3.2' as const, '6.0' as const),
  competition: fc.option(fc.nat(50)),
  dtype: fc.option(fc.constantFrom('bf16' as const, 'fp32' as const)),
  contentHash: fc.option(text),
  chainHash: fc.option(text),
  files: fc.array(fc.record({ path: text, size: nat, sha256: hex(64) }), { maxLength: 5 }),
});

const journals: fc.Arbitrary<Journal> = fc
  .record({
    content,
    wasPublic: fc.option(fc.boolean()),
    upload: fc.option(fc.record({ commit: hex(40), bytesUploaded: nat })),
    intent: fc.option(
      fc.record({
        text,
        extrinsicHash: text,
        block: nat,
        before: fc.option(fc.record({ block: nat, text: fc.option(text) })),
      }),
    ),
    seal: fc.option(fc.record({ text, encrypted: hex(600), round: nat, revealsAt: text })),
    committed: fc.option(fc.record({ text, block: nat })),
    outcome: fc.option(
      fc.record({
        repo: text,
        commit: fc.option(hex(40)),
        pin: fc.option(text),
        contentHash: fc.option(text),
        commitment: text,
        block: nat,
        hotkey: text,
        public: fc.option(fc.boolean()),
        bytesUploaded: nat,
        resumed: fc.boolean(),
        seal: fc.option(
          fc.record({
            round: fc.option(nat),
            revealsAt: fc.option(text),
            state: fc.constantFrom('sealed' as const, 'revealed' as const),
            late: fc.option(fc.boolean()),
          }),
        ),
      }),
    ),
  })
  .map((fields) => ({ ...newJournal(key, fields.content), ...fields }));

describe('the publish journal', () => {
  it('reads back what was written, whatever it holds', () => {
    fc.assert(
      fc.property(journals, (journal) => {
        expect(parseJournal(JSON.stringify(journal), 'j')).toEqual(journal);
      }),
    );
  });

  it('turns any other text into one error that says how to go on', async () => {
    const notJournals = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.tuple(journals, fc.nat()).map(([journal, at]) => {
        const whole = JSON.stringify(journal);
        return whole.slice(0, at % whole.length);
      }),
      journals.map((journal) => JSON.stringify({ ...journal, version: 2 })),
      journals.map((journal) => JSON.stringify({ ...journal, extra: 1 })),
      journals.map((journal) => JSON.stringify({ ...journal, upload: { commit: 'main', bytesUploaded: 1 } })),
    );
    await attack(
      'journals',
      fc.property(notJournals, (hostile) => {
        let thrown: unknown;
        try {
          parseJournal(hostile, '/home/j.json');
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toBeInstanceOf(UserError);
        expect((thrown as UserError).code).toBe('publish.journal_damaged');
        expect((thrown as UserError).nextSteps[0]).toContain('--restart');
      }),
      { short: 500 },
    );
  });

  it('tells contents apart by every field, not by the order of files', () => {
    fc.assert(
      fc.property(content, (one) => {
        expect(sameContent(one, { ...one, files: [...one.files].reverse() })).toBe(true);
        expect(sameContent(one, { ...one, contentHash: `${one.contentHash}x` })).toBe(false);
        expect(sameContent(one, { ...one, dtype: one.dtype === 'bf16' ? 'fp32' : 'bf16' })).toBe(false);
        expect(
          sameContent(one, { ...one, files: [...one.files, { path: 'x', size: 1, sha256: 'a'.repeat(64) }] }),
        ).toBe(false);
      }),
    );
  });

  it('has one file for each chain, subnet, hotkey and repository', () => {
    const home = '/h';
    const paths = [
      key,
      { ...key, genesis: '0x02' },
      { ...key, netuid: 10 },
      { ...key, hotkey: '5Other' },
      { ...key, repo: 'me/../first' },
      { ...key, repo: 'me-first' },
    ].map((each) => journalPath(home, each));
    expect(new Set(paths).size).toBe(paths.length);
    for (const path of paths) expect(path).toMatch(/^\/h\/journals\/[A-Za-z0-9._-]+\.json$/);
  });

  it('is replaced whole and leaves no temporary file, even when two write at once', async () => {
    const home = await mkdtemp(join(tmpdir(), 'pt-journal-'));
    const path = journalPath(home, key);
    expect(await readJournal(path)).toBeNull();
    const base = newJournal(key, fc.sample(content, 1)[0]!);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => writeJournal(path, { ...base, updatedAt: String(index) })),
    );
    expect((await readJournal(path))?.version).toBe(1);
    expect(await readdir(join(home, 'journals'))).toHaveLength(1);
    expect(await readFile(path, 'utf8')).toMatch(/\n$/);
  });

  it('says what to do when the folder cannot be made', async () => {
    const home = await mkdtemp(join(tmpdir(), 'pt-journal-'));
    await writeFile(join(home, 'journals'), 'a file in the way');
    const path = journalPath(home, key);
    await expect(writeJournal(path, newJournal(key, fc.sample(content, 1)[0]!))).rejects.toMatchObject({
      code: 'disk.in_the_way',
    });
  });
});
