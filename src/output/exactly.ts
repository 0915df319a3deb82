import type { z } from 'zod';

/** The same fields with interfaces and intersections laid flat, so that two ways of writing a shape compare equal. */
type Plain<T> = T extends (infer Item)[]
  ? Plain<Item>[]
  : T extends object
    ? { [Key in keyof T]: Plain<T[Key]> }
    : T;

type Same<A, B> =
  (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false;

/** Fields that only one of the two has, or that differ; what the compiler's message names. */
type Differing<A, B> = {
  [Key in keyof A | keyof B]: Key extends keyof A & keyof B
    ? Same<A[Key], B[Key]> extends true
      ? never
      : Key
    : Key;
}[keyof A | keyof B];

/**
 * Ties a schema to the type of what is printed as it is. A field that either side gains, loses or changes does not compile:
 *
 * ```ts
 * const loaded = exactly<LoadOutcome>()(z.strictObject({ uid: count.nullable(), … }));
 * ```
 */
export const exactly =
  <T>() =>
  <S extends z.ZodType>(
    schema: Same<z.output<S>, T> extends true ? S : { 'differs in': Differing<z.output<S>, T> },
  ): S =>
    schema as S;
