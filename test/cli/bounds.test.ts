/** Every whole number on a command line has a largest value, so that none is rounded, overflows, or is waited for for ever; and a unit in its help. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '@oclif/core';
import { expect, it } from 'vitest';
import { KNOBS } from '../../src/training/knobs.ts';

const folder = join(import.meta.dirname, '../../src/commands');
const commands = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
interface Flag {
  type: string;
  max?: number;
  summary?: string;
  parse: (text: string, context: unknown, flag: unknown) => Promise<unknown>;
}

/** What is counted or timed; of numbers that count nothing, what they name. */
const UNIT =
  /\b(seconds|minutes|blocks?|tokens|sequences|pages?|passes|steps|micro-batch(es)?|rows|texts|characters|bytes|processes|machines?|runs?|samples|models|batches|port|uid|subnet|seed|rank|round|file descriptor|layers|lines|duels)\b/i;

it('is refused above its bound, and its help says of what it is a number, in every command', async () => {
  const config = await Config.load(import.meta.dirname);
  let seen = 0;
  for (const path of commands) {
    const command: { default: { flags?: Record<string, Flag> } } = await import(join(folder, path));
    const { flags = {} } = command.default;
    for (const [name, flag] of Object.entries(flags)) {
      if (flag.type !== 'option') continue;
      // What takes whole numbers and no others.
      const takes = async (text: string) => flag.parse(text, { config, error: () => {} }, flag);
      const number = await takes('30000').catch(() => null);
      if (typeof number !== 'number' || (await takes('30000.5').catch(() => null)) !== null) continue;
      seen += 1;
      expect(flag.summary, `${path} --${name}`).toMatch(UNIT);
      for (const text of ['9007199254740993', '1'.repeat(30)])
        await expect(takes(text), `${path} --${name}`).rejects.toThrow();
    }
  }
  expect(seen).toBeGreaterThan(20);
});

it('holds for every knob of training', () => {
  for (const [name, { takes }] of Object.entries(KNOBS))
    if (takes.kind === 'integer' || takes.kind === 'number')
      expect(takes.max, name).toBeLessThan(Number.MAX_SAFE_INTEGER);
});
