/** What AutoTokenizer of the pinned releases fetched of repositories (test/compat/tokenizer_files.py cases), and what enters the hash and is loaded. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectFolder } from '../../src/model/index.ts';
import type { Profile } from '../../src/rules/index.ts';
import { late, old } from './support.ts';

interface Case {
  config: Record<string, unknown>;
  tokenizer_config: Record<string, unknown> | null;
  files: string[];
  fetched: string[];
}
const cases: Record<string, Case[]> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'tokenizer-cases.json'), 'utf8'),
);
const running = (profile: Profile, transformers: string): Profile => ({
  ...profile,
  pretraining: { ...profile.pretraining!, transformers },
});
const label = ({ config, tokenizer_config: named, files }: Case) =>
  `${config.model_type} ${config.tokenizer_class ?? ''} ${JSON.stringify(named)} with ${files.length} files`;

describe.each(Object.entries(cases))('transformers %s', (release, each) => {
  it.each(each.map((one) => [label(one), one] as const))(
    '%s',
    async (_, { config, tokenizer_config: named, files, fetched }) => {
      const dir = mkdtempSync(join(tmpdir(), 'pt-tokenizer-'));
      try {
        for (const file of files) writeFileSync(join(dir, file), '{}');
        writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
        if (named !== null) writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify(named));
        const { hashedFiles } = await inspectFolder(dir, running(late, release));
        expect([...hashedFiles].sort()).toEqual(fetched);
        // 3.2 hashes no tokenizer at all.
        expect((await inspectFolder(dir, running(old, release))).hashedFiles).toEqual(['config.json']);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  );
});
