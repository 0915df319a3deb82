import type { Fields, TypeDefinition, TypeTable, Variant } from './type-table.ts';

const PRIMITIVES = new Set(['bool', 'str', 'u8', 'u16', 'u32', 'u64', 'u128', 'i64', 'i128']);

// The codec's own types are unions of dozens of arms; what is built here is checked by encoding it.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Loose = any;

/** Numbered types, as metadata holds them. */
export interface Lookup {
  idOf(type: string): number;
  entries: Loose[];
}

/** Gives every type text a number, its parts first where they do not refer back to it. */
export function internTypes(table: TypeTable, aliases: Record<string, string>): Lookup {
  const entries: Loose[] = [];
  const ids = new Map<string, number>();

  const idOf = (text: string): number => {
    const type = aliases[text] ?? text;
    const known = ids.get(type);
    if (known !== undefined) return known;
    const id = entries.length;
    ids.set(type, id);
    const entry: Loose = { id, path: [], params: [], def: null, docs: [] };
    entries.push(entry);
    fill(entry, type);
    return id;
  };

  const fill = (entry: Loose, type: string): void => {
    const generic = /^(Vec|Compact|Option)<(.*)>$/.exec(type);
    const array = /^\[(.*);(\d+)\]$/.exec(type);
    if (PRIMITIVES.has(type)) entry.def = { tag: 'primitive', value: { tag: type, value: undefined } };
    else if (generic?.[1] === 'Vec') entry.def = { tag: 'sequence', value: idOf(generic[2]!) };
    else if (generic?.[1] === 'Compact') entry.def = { tag: 'compact', value: idOf(generic[2]!) };
    else if (generic?.[1] === 'Option') {
      const inner = idOf(generic[2]!);
      entry.path = ['Option'];
      entry.params = [{ name: 'T', type: inner }];
      entry.def = { tag: 'variant', value: [variant('None', 0, []), variant('Some', 1, [generic[2]!])] };
    } else if (array) entry.def = { tag: 'array', value: { len: Number(array[2]), type: idOf(array[1]!) } };
    else if (type.startsWith('('))
      entry.def = { tag: 'tuple', value: splitTuple(type.slice(1, -1)).map(idOf) };
    else define(entry, type, table[type]);
  };

  const define = (entry: Loose, type: string, definition: TypeDefinition | undefined): void => {
    if (!definition) throw new Error(`The sandbox's type table has no "${type}"`);
    entry.path = definition.path === '' ? [] : definition.path.split('::');
    entry.params = Object.entries(definition.params ?? {}).map(([name, text]) => ({
      name,
      type: text === '' ? undefined : idOf(text),
    }));
    entry.def = definition.variants
      ? {
          tag: 'variant',
          value: Object.entries(definition.variants).map(([name, given], position) => {
            const full: Variant = isVariant(given) ? given : { index: position, fields: given, docs: [] };
            return variant(name, full.index, full.fields, full.docs);
          }),
        }
      : { tag: 'composite', value: fieldsOf(definition.fields ?? []) };
  };

  const fieldsOf = (fields: Fields): Loose[] =>
    (Array.isArray(fields) ? fields.map((type) => [undefined, type]) : Object.entries(fields)).map(
      ([name, type]) => ({ name, type: idOf(type!), typeName: type, docs: [] }),
    );

  const variant = (name: string, index: number, fields: Fields, docs: string[] = []): Loose => ({
    name,
    index,
    fields: fieldsOf(fields),
    docs,
  });

  return { idOf, entries };
}

const isVariant = (given: Fields | Variant): given is Variant =>
  !Array.isArray(given) && typeof given.index === 'number';

function splitTuple(inside: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= inside.length; i++) {
    const char = inside[i];
    if (char === '<' || char === '(' || char === '[') depth++;
    else if (char === '>' || char === ')' || char === ']') depth--;
    else if ((char === ',' && depth === 0) || char === undefined) {
      if (i > start) parts.push(inside.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}
