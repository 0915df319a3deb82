import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRuntime } from '../../src/chain/runtime.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';
import { attack, patience } from '../support/attack.ts';

const { v14, v15 } = createRuntime('current', 40);
const whole = fc.constantFrom(v14, v15);
const changed = fc
  .tuple(
    whole,
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 8 }),
    fc.option(fc.nat()),
  )
  .map(([bytes, flips, cut]) => {
    const copy = Buffer.from(bytes);
    for (const [at, flip] of flips) copy[at % copy.length]! ^= flip;
    return cut === null ? copy : copy.subarray(0, cut % copy.length);
  });

/** Asks a runtime for everything that `pt` reads through it; whatever is thrown must be an error, and soon. */
function read(metadata: Uint8Array): void {
  const runtime = readRuntime(metadata);
  const account = Buffer.alloc(32, 7);
  const asks = [
    () => runtime.key('Commitments', 'CommitmentOf', 9, account),
    () => runtime.value('Commitments', 'CommitmentOf', `0x${'00'.repeat(90)}`),
    () => runtime.value('SubtensorModule', 'Tempo', null),
    () => runtime.constant('System', 'Version'),
    () => runtime.constant('Timestamp', 'MinimumPeriod'),
    () => runtime.call(Buffer.from([18, 0, 9, 0, 4, 1, 2, 3])),
    () => runtime.extensions.map(({ name }) => name),
  ];
  for (const ask of asks)
    try {
      ask();
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
}

test(
  'metadata of any bytes is read or refused',
  () =>
    attack(
      'metadata with bytes changed or cut, read',
      fc.property(fc.oneof(changed, changed, fc.uint8Array({ maxLength: 400 })), (bytes) => {
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { short: 100 },
    ),
  patience(60_000),
);
