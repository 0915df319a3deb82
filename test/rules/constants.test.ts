import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Constants, loadConstants, networkOf } from '../../src/constants.ts';
import { scheduleNamed, scheduleNameOf } from '../../src/rules/index.ts';

const shipped = loadConstants();
const folders: string[] = [];
afterEach(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A copy of the shipped folder with one file changed. */
function edited(file: string, edit: (text: string) => string): string {
  const dir = mkdtempSync(join(tmpdir(), 'pt-constants-'));
  folders.push(dir);
  cpSync(shipped.dir, dir, { recursive: true });
  writeFileSync(join(dir, file), edit(readFileSync(join(dir, file), 'utf8')));
  return dir;
}

describe('constants', () => {
  it('follow another subnet by data alone', () => {
    const dir = edited('schedule.sandbox.json', (t) =>
      t.replace('"max_model_parameters": 20000000', '"max_model_parameters": 7'),
    );
    const own = loadConstants(dir);
    const scheduleOf = (constants: Constants, network: string) =>
      scheduleNamed(constants, scheduleNameOf(constants, constants.networks[network] ?? null, '3.2'));
    expect(scheduleOf(own, 'sandbox').periods[0]!.competitions[0]!.max_model_parameters).toBe(7);
    expect(scheduleOf(shipped, 'sandbox').periods[0]!.competitions[0]!.max_model_parameters).toBe(20_000_000);
    expect(scheduleOf(shipped, 'ws://10.0.0.1:9944').name).toBe('3.2.0');
  });

  it("know a network by its genesis, mainnet also where a folder of one's own does not name it", () => {
    const { finney, test } = shipped.networks;
    expect(networkOf(shipped.networks, finney!.genesis!.toUpperCase().replace('X', 'x'))).toBe(finney);
    expect(networkOf(shipped.networks, test!.genesis!)).toBe(test);
    expect(networkOf({}, finney!.genesis!)?.retired_netuids).toContain(9);
    expect(networkOf(shipped.networks, `0x${'00'.repeat(32)}`)).toBeNull();
  });

  it.each([
    [
      'an unknown key',
      'profiles/3.2.json',
      (t: string) => t.replace('"alpha"', '"alhpa"'),
      /profiles\/3\.2\.json: pretraining.*(alhpa|alpha)/,
    ],
    [
      'a bad value',
      'schedule.sandbox.json',
      (t: string) => t.replace('268435456', '"large"'),
      /schedule\.sandbox\.json: periods\[0\]\.competitions\[0\]\.max_bytes/,
    ],
    [
      'a fraction above one',
      'schedule.sandbox.json',
      (t: string) => t.replace('"reward_percentage": 1.0', '"reward_percentage": 50'),
      /reward_percentage/,
    ],
    [
      'an empty range',
      'schedule.sandbox.json',
      (t: string) => t.replace('"min_model_parameters": 0', '"min_model_parameters": 99999999999'),
      /min_model_parameters.*above/,
    ],
    [
      'periods out of order',
      'schedule.json',
      (t: string) => t.replace('"from_block": 2086474', '"from_block": 9086474'),
      /from_block must start at 0 and rise/,
    ],
    [
      'an endpoint that is none',
      'networks.json',
      (t: string) => t.replace('ws://127.0.0.1:9944', 'http://127.0.0.1'),
      /networks\.json: local\.endpoints\[0\]/,
    ],
    ['broken JSON', 'networks.json', (t: string) => t.slice(0, -5), /networks\.json: not JSON/],
  ])('name file and place of %s', (_, file, edit, message) => {
    const own = loadConstants(edited(file, edit));
    const all = () => [Object.values(own.profiles), own.networks, own.schedules];
    expect(all).toThrow(
      expect.objectContaining({
        code: 'constants.invalid',
        exitCode: 2,
        message: expect.stringMatching(message),
      }),
    );
  });

  it('say which file is missing', () => {
    const dir = edited('networks.json', (t) => t);
    rmSync(join(dir, 'profiles'), { recursive: true });
    expect(() => loadConstants(dir).profiles).toThrow(/profiles: there is no such folder of profiles/);
  });

  it('know every tokenizer of the schedules whose size can be known, and the built-in one as it is', () => {
    const file = JSON.parse(
      readFileSync(join(shipped.dir, 'tokenizers', 'builtin', 'tokenizer.json'), 'utf8'),
    );
    const ids = [
      ...Object.values<number>(file.model.vocab),
      ...file.added_tokens.map((t: { id: number }) => t.id),
    ];
    expect(shipped.tokenizers.builtin!.vocab_size).toBe(Math.max(...ids) + 1);
    const named = new Set(
      Object.values(shipped.schedules).flatMap((s) =>
        s.periods.flatMap((p) => p.competitions.map((c) => c.tokenizer)),
      ),
    );
    expect([...named].filter((name) => !shipped.tokenizers[name])).toEqual(['e2tts']);
  });

  it('have the recipe that every competition takes by default', () => {
    for (const schedule of Object.values(shipped.schedules))
      for (const { default_recipe: name } of schedule.periods.flatMap((p) => p.competitions))
        if (name) expect(Object.keys(shipped.recipes)).toContain(name);
  });
});
