import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../src/manifest.ts';
import { nameAgain } from '../../src/publish/again.ts';
import { hiddenSteps } from '../../src/publish/hidden.ts';
import type { PublishRequest } from '../../src/publish/types.ts';
import { root } from '../commands/run-pt.ts';
import { requestFor } from './request.ts';

const named = (step: string, changes: Partial<PublishRequest> = {}) =>
  nameAgain([step], requestFor('/models/my model', changes))[0];

test('a hint to go on names the folder, the repository and what was asked of the publish', () => {
  const folder = "pt upload --load-model-dir '/models/my model' --hf-repo-id me/first";
  expect(named('pt upload --resume --wait   # waits for it')).toBe(
    `${folder} --resume --wait   # waits for it`,
  );
  expect(named('Make sure of it, then: pt upload --resume')).toBe(
    `Make sure of it, then: ${folder} --resume`,
  );
  expect(named('pt upload --restart   # forgets')).toBe(`${folder} --restart   # forgets`);
  expect(
    named('pt upload --resume', {
      source: { kind: 'folder', dir: 'm', dtype: 'fp32' },
      useHotkeyInHash: true,
      makePublic: false,
      fields: { name: 'a b' },
    }),
  ).toBe(
    "pt upload --load-model-dir m --hf-repo-id me/first --dtype fp32 --use-hotkey-in-hash --private --field 'name=a b' --resume",
  );
  const commit = '0123456789'.repeat(4);
  expect(named('pt upload --resume', { source: { kind: 'hub', commit } })).toBe(
    `pt upload --commit-only me/first@${commit} --resume`,
  );
  const pin = `sha256:${'0a'.repeat(32)}`;
  expect(named('pt upload --resume', { source: { kind: 'elsewhere', pin } })).toBe(
    `pt upload --commit-only me/first@${pin} --resume`,
  );
});

test("of a run's model it is the run that goes on, and its best/ where a flag of pt upload is needed", () => {
  const again = { command: 'pt train --resume job', dir: '/runs/job/best' };
  const source = { kind: 'folder', dir: '/runs/job/best.candidate', dtype: 'bf16' } as const;
  expect(named('pt upload --resume   # afterwards', { again, source })).toBe(
    'pt train --resume job   # afterwards',
  );
  expect(named('pt upload --resume --wait', { again, source })).toBe(
    'pt upload --load-model-dir /runs/job/best --hf-repo-id me/first --resume --wait',
  );
});

test('no hint below goes on with a publish in words that are not made its own, and every flag is one of pt upload', () => {
  const flags = Object.keys(readManifest(root).upload!.flags);
  const texts = ['publish', 'chain', 'hub', 'rules'].flatMap((room) =>
    readdirSync(join(root, 'src', room), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'again.ts')
      .map((file) => readFileSync(join(root, 'src', room, file), 'utf8')),
  );
  const hints = texts.flatMap(
    (text) => text.match(/['`"][^'`"\n]*--re(?:sume|start)\b[^'`"\n]*['`"]/g) ?? [],
  );
  const steps = [
    ...hints.map((hint) => hint.slice(1, -1)).filter((hint) => hint.includes(' ')),
    ...hiddenSteps('me/first', null, true),
  ];
  expect(steps.length).toBeGreaterThan(15);
  for (const step of steps.filter((step) => !step.includes('${'))) {
    const own = named(step)!;
    expect(own, step).toContain("pt upload --load-model-dir '/models/my model' --hf-repo-id me/first --re");
    for (const [, flag] of own.split('   #')[0]!.matchAll(/ --([a-z-]+)/g)) expect(flags).toContain(flag);
  }
});
