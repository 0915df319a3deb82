/** The longest array that a runtime's type may be. */
const MAX_ARRAY = 1 << 20;

interface Field {
  type: number;
}

/** The types of a runtime's metadata, as far as they are looked at here. */
export interface TypeEntry {
  id: number;
  def: { tag: string; value: unknown };
}

/**
 * Throws `RangeError` for types that no runtime has and that codecs loop or run out of memory on: two variants of one number, types that contain
 * themselves without end, huge arrays, types that are not there. Metadata is a stranger's word, and encoders believe it.
 */
export function checkTypes(types: readonly TypeEntry[]): void {
  const inside = types.map((entry, position) => {
    if (entry.id !== position) throw new RangeError('the types of the metadata are not in order');
    const { parts, whole } = partsOf(entry);
    if (![...parts, ...whole].every((id) => types[id] !== undefined))
      throw new RangeError('a type of the metadata is missing');
    return whole;
  });
  // Depth first: 1 is on the way down, 2 is done.
  const seen = new Uint8Array(types.length);
  for (let root = 0; root < types.length; root++) {
    const stack: [type: number, next: number][] = seen[root] ? [] : [[root, 0]];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const [type] = top;
      seen[type] = 1;
      const child = inside[type]![top[1]++];
      if (child === undefined) {
        seen[type] = 2;
        stack.pop();
      } else if (seen[child] === 1) throw new RangeError('a type of the metadata contains itself');
      else if (seen[child] === 0) stack.push([child, 0]);
    }
  }
}

/** Types that a value of this type may hold (`parts`), and those that every value holds (`whole`). */
function partsOf({ def }: TypeEntry): { parts: number[]; whole: number[] } {
  // biome-ignore lint/suspicious/noExplicitAny: decoded by the metadata's own codec
  const value = def.value as any;
  const typesOf = (fields: Field[]): number[] => fields.map(({ type }) => type);
  if (def.tag === 'composite') return { parts: [], whole: typesOf(value) };
  if (def.tag === 'tuple') return { parts: [], whole: value };
  if (def.tag === 'compact') return { parts: [], whole: [value] };
  if (def.tag === 'sequence') return { parts: [value], whole: [] };
  if (def.tag === 'array') {
    if (value.len > MAX_ARRAY) throw new RangeError('an array of the metadata is too long');
    return { parts: [], whole: [value.type] };
  }
  if (def.tag !== 'variant') return { parts: [], whole: [] };
  const indexes = new Set(value.map(({ index }: { index: number }) => index));
  if (indexes.size !== value.length) throw new RangeError('two variants of the metadata have one number');
  return { parts: value.flatMap(({ fields }: { fields: Field[] }) => typesOf(fields)), whole: [] };
}
