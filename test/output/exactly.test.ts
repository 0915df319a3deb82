import { expect, test } from 'vitest';
import { z } from 'zod';
import { exactly } from '../../src/output/exactly.ts';

interface Shape {
  name: string;
  size: number | null;
  parts: { path: string; seen?: boolean }[];
}

const part = z.strictObject({ path: z.string(), seen: z.boolean().optional() });
const whole = { name: z.string(), size: z.number().nullable(), parts: z.array(part) };

/** The compiler is what is tested: without the error that it must find, `npm run typecheck` fails. */
test('a schema that is not exactly its type does not compile', () => {
  const schema = exactly<Shape>()(z.strictObject(whole));
  expect(schema.parse({ name: 'a', size: null, parts: [] })).toBeTruthy();

  const { size: _, ...fewer } = whole;
  // @ts-expect-error: a field of the type is missing
  exactly<Shape>()(z.strictObject(fewer));
  // @ts-expect-error: a field that the type does not have
  exactly<Shape>()(z.strictObject({ ...whole, more: z.string() }));
  // @ts-expect-error: nor an optional one
  exactly<Shape>()(z.strictObject({ ...whole, more: z.string().optional() }));
  // @ts-expect-error: a field of another type
  exactly<Shape>()(z.strictObject({ ...whole, size: z.number() }));
  // @ts-expect-error: deep inside, too
  exactly<Shape>()(z.strictObject({ ...whole, parts: z.array(part.omit({ seen: true })) }));
  // @ts-expect-error: an open object lets anything through
  exactly<Shape>()(z.looseObject(whole));
});
