import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENTS, readEvent } from '../../src/bridge/events.ts';

const step = {
  type: 'step',
  time: 5,
  step: 3,
  total_steps: null,
  tokens: 30,
  loss: 2.5,
  lr: 1e-3,
  grad_norm: 1,
};
const rest = { tokens_per_second: 9, mfu: null, memory_bytes: 5, eta_seconds: null };

describe('readEvent', () => {
  it('gives an event as it was written', () => {
    expect(readEvent(JSON.stringify({ ...step, ...rest }))).toEqual({ ...step, ...rest });
  });

  it('keeps what can be understood of an event of another version, and nothing else', () => {
    const line = JSON.stringify({ ...step, tokens: 'many', of_tomorrow: 1, lr: null, loss: -1 });
    expect(readEvent(line)).toEqual({
      type: 'step',
      time: 5,
      step: 3,
      total_steps: null,
      loss: -1,
      lr: null,
      grad_norm: 1,
    });
  });

  it('passes over what is no event, whatever it is', () => {
    for (const line of [
      '',
      '{',
      'null',
      '[1]',
      '"x"',
      '{}',
      '{"type": 5}',
      '{"type": "toString"}',
      '{"type": "news"}',
    ])
      expect(readEvent(line), line).toBeNull();
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(EVENTS)),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (type, fields) => {
          const event = readEvent(JSON.stringify({ ...fields, type }));
          expect(event?.type).toBe(type);
          // A result is a script's own; of every other event only the fields that it has.
          if (type !== 'result')
            for (const name of Object.keys(event!))
              expect(Object.keys(EVENTS[type as 'step'].shape)).toContain(name);
        },
      ),
    );
  });
});
