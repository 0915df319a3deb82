import { isObject } from '../text/strict-json.ts';

/** `==` of Python for values read from JSON: 1 is 1.0 is true, objects compare whatever the order of their keys, NaN equals nothing. */
export function pythonEqual(a: unknown, b: unknown): boolean {
  const [x, y] = [numeric(a), numeric(b)];
  if (typeof x === 'number' || typeof y === 'number') return x === y;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, i) => pythonEqual(each, b[i]));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && pythonEqual(a[key], b[key]))
    );
  }
  return a === b;
}

const numeric = (value: unknown): unknown => (typeof value === 'boolean' ? Number(value) : value);
