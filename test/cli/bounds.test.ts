/**
 * Every whole number on a command line has a largest value, so that none is rounded, overflows, or is waited for for ever; and a unit in its help. The
 * help of a number with a fraction also says how small and how large it may be.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Config } from '@oclif/core';
import { expect, it } from 'vitest';
import { KNOBS } from '../../src/training/knobs.ts';

/** Of numbers with a fraction: what they measure. */
const QUANTITY = /\b(minutes|nats a token|share of|rate|times)\b/i;

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

/** Every flag that takes a value, and what reads it: some are read by the command, not by the parser. */
async function* optionFlags() {
  const config = await Config.load(import.meta.dirname);
  const readers = new Map<string, (text: string) => unknown>();
  for (const { flag, takes } of Object.values(KNOBS)) if ('read' in takes) readers.set(flag, takes.read);
  for (const path of commands) {
    const command: { default: { flags?: Record<string, Flag> } } = await import(join(folder, path));
    for (const [name, flag] of Object.entries(command.default.flags ?? {})) {
      if (flag.type !== 'option') continue;
      const parsed = (text: string) => flag.parse(text, { config, error: () => {} }, flag);
      const read = path === 'train.ts' ? readers.get(name) : undefined;
      const number = async (text: string) => {
        const value = await parsed(text);
        return read === undefined ? value : read(text);
      };
      yield { name: `${path} --${name}`, summary: flag.summary ?? '', parsed, number };
    }
  }
}

it('is refused above its bound, and its help says of what it is a number, in every command', async () => {
  let seen = 0;
  for await (const { name, summary, parsed } of optionFlags()) {
    // What takes whole numbers and no others.
    const number = await parsed('30000').catch(() => null);
    if (typeof number !== 'number' || (await parsed('30000.5').catch(() => null)) !== null) continue;
    seen += 1;
    expect(summary, name).toMatch(UNIT);
    for (const text of ['9007199254740993', '1'.repeat(30)])
      await expect(parsed(text), name).rejects.toThrow();
  }
  expect(seen).toBeGreaterThan(20);
});

it('with a fraction, is taken and refused as its help says, in every command', async () => {
  let seen = 0;
  for await (const { name, summary, number } of optionFlags()) {
    if ((await number('0.5').catch(() => null)) !== 0.5) continue;
    seen += 1;
    expect(summary, name).toMatch(QUANTITY);
    const [, above, max] = /\ba number(?: above ([\d.,]*\d))?(?:, up to ([\d.,]*\d))?/.exec(summary) ?? [];
    expect(summary, `${name}: no range`).toContain('a number');
    const ends = [above, max].map((end) => (end === undefined ? undefined : Number(end.replaceAll(',', ''))));
    const [least, most] = ends;
    for (const refused of [least, most && most * 1.001, Number.NaN].filter((end) => end !== undefined))
      await expect(number(String(refused)), `${name} ${refused}`).rejects.toThrow();
    for (const taken of [least === undefined ? -1e300 : least + 1e-9, most ?? 1e300])
      expect(await number(String(taken)), `${name} ${taken}`).toBe(taken);
  }
  expect(seen).toBeGreaterThan(6);
});

it('holds for every knob of training', () => {
  for (const [name, { takes }] of Object.entries(KNOBS))
    if (takes.kind === 'integer' || takes.kind === 'number')
      expect(takes.max, name).toBeLessThan(Number.MAX_SAFE_INTEGER);
});
