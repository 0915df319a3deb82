import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { findPython } from '../../src/bridge/index.ts';
import { DTYPE_BITS } from '../../src/dtypes.ts';
import { readHeader } from '../../src/model/header.ts';
import { memorySource } from '../../src/model/source.ts';
import { again, cases, draws, patience, tell } from '../support/attack.ts';

const random = draws();
const below = (n: number) => Math.floor(random() * n);
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
const DTYPES = [...Object.keys(DTYPE_BITS), 'f32', 'C128'];
const NUMBERS = [
  '0',
  '1',
  '-1',
  '-0',
  '01',
  '1.0',
  '1e0',
  '18446744073709551615',
  '18446744073709551616',
  '9223372036854775808',
  'null',
  '"2"',
  '[]',
  '1e400',
  '8',
  '16',
];
const NAMES = ['a', 'b.weight', '', '__proto__', '\\u0061', 'é', '\\ud83d\\ude00', '\\ud800', 'constructor'];
const JUNK = [...'{}[],:"\\0-1eE.xu ', '\u0000', '\u0001', '\u000b', '\ufeff', '\\u00e9', '//c\n'];
const EXTRA = ['1', 'null', '"x"', '[[[]]]', '{"dtype":1}', '1e400', '1e-400', 'NaN'];
const METADATA = ['{"format":"pt"}', '{}', 'null', '{"a":null}', '[]', '"x"', '{"a":{}}'];

/** A header that is nearly always well formed, and the bytes of its tensors. */
function header(): { text: string; size: number } {
  let at = 0;
  const parts = random() < 0.4 ? [`"__metadata__":${pick(METADATA)}`] : [];
  for (let i = below(5); i > 0; i--) {
    const dtype = pick(DTYPES);
    const shape = Array.from({ length: below(4) }, () => pick([0, 1, 2, 3, 4, 8]));
    const size = Math.floor((shape.reduce((a, b) => a * b, 1) * (DTYPE_BITS[dtype] ?? 8)) / 8);
    const fields = [
      `"dtype":"${dtype}"`,
      `"shape":${JSON.stringify(shape)}`,
      `"data_offsets":[${at},${at + size}]`,
    ];
    if (random() < 0.1) fields.push(`"extra":${pick(EXTRA)}`);
    if (random() < 0.05) fields.push(pick(fields));
    if (random() < 0.05) fields.splice(below(fields.length), 1);
    const asList = random() < 0.05 ? `["${dtype}",${JSON.stringify(shape)},[${at},${at + size}]]` : null;
    parts.push(`"${pick(NAMES)}${i}":${asList ?? `{${fields.join(',')}}`}`);
    at += size;
  }
  if (random() < 0.2) parts.reverse();
  return { text: `{${parts.join(',')}}`, size: at };
}

function damage(text: string): string {
  const at = below(text.length + 1);
  const how = random();
  if (how < 0.4) return text;
  if (how < 0.6) {
    const numbers = [...text.matchAll(/\d+/g)];
    const hit = numbers.length > 0 ? pick(numbers) : null;
    return hit ? text.slice(0, hit.index) + pick(NUMBERS) + text.slice(hit.index + hit[0].length) : text;
  }
  if (how < 0.8) return text.slice(0, at) + text.slice(at + 1);
  return text.slice(0, at) + pick(JUNK) + text.slice(at);
}

function file(): Buffer {
  const { text, size } = header();
  const deep = pick([126, 127, 128, 129]);
  const nested = `{"a":{"x":${'['.repeat(deep)}${']'.repeat(deep)},"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`;
  const json = Buffer.from(random() < 0.02 ? nested : damage(text));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(
    BigInt(Math.max(0, json.length + (random() < 0.05 ? pick([-1, 1, -8, 10 ** 9]) : 0))),
  );
  const data = Buffer.alloc(Math.max(0, size + (random() < 0.05 ? pick([-1, 1, 8]) : 0)));
  const whole = Buffer.concat([length, json, data]);
  return random() < 0.02 ? whole.subarray(0, below(whole.length)) : whole;
}

it('agrees with the reference library on every file, but for duplicates, which it refuses', {
  timeout: patience(120_000),
}, async () => {
  const files = Array.from({ length: cases(4000) }, file);
  const { python } = await findPython();
  const script = `
import base64, sys, safetensors
for line in sys.stdin:
    try:
        safetensors.deserialize(base64.b64decode(line))
        print(1)
    except Exception:
        print(0)
`;
  const verdicts = execFileSync(python, ['-c', script], {
    input: files.map((f) => f.toString('base64')).join('\n'),
    encoding: 'utf8',
  });
  const reference = verdicts.trim().split('\n').map(Number);
  let accepted = 0;
  for (const [i, bytes] of files.entries()) {
    const error = await readHeader(memorySource('file', bytes)).then(
      () => null,
      (e: Error) => e,
    );
    accepted += Number(error === null);
    if (error && /duplicate key/.test(error.message)) continue;
    expect(
      error === null ? 1 : 0,
      `${JSON.stringify(bytes.subarray(0, 300).toString('latin1'))}: ${error?.message} (${again})`,
    ).toBe(reference[i]);
  }
  tell('safetensors headers: the verdict of the safetensors library', files.length, files.length);
  // Both sides must have been met often.
  expect(accepted).toBeGreaterThan(files.length / 8);
  expect(accepted).toBeLessThan((files.length * 7) / 8);
});
