/** Kinds of values of a config, by which a release's data (`values` of constants/transformers.json) tells what it fails on. */

/** The kind of a key's value; null: one of which nothing is told. `vocabulary`: rows of the embedding, where that is known. */
export function kindOf(key: string, value: unknown, vocabulary: number | null): string | null {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return 'text';
  const isId = key.endsWith('token_id');
  if (Array.isArray(value)) return isId ? kindOfIds(value, vocabulary) : value.length === 0 ? 'empty' : null;
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  if (!Number.isInteger(value)) return 'fraction';
  if (isId) return kindOfId(value, vocabulary) ?? null;
  return value < 0 ? 'negative' : value === 0 ? 'zero' : 'whole';
}

function kindOfId(id: number, vocabulary: number | null): string | undefined {
  if (vocabulary !== null && id >= vocabulary) return 'outside';
  if (vocabulary !== null && id < -vocabulary) return 'below';
  return id < 0 ? 'negative' : undefined;
}

function kindOfIds(ids: unknown[], vocabulary: number | null): string | null {
  if (ids.length === 0) return 'empty';
  const kinds = ids.map((id) => (typeof id === 'number' ? kindOfId(id, vocabulary) : 'odd'));
  if (kinds.includes('odd')) return null;
  if (kinds.includes('outside') || kinds.includes('below')) return 'list outside';
  return kinds.includes('negative') ? 'list negative' : 'list';
}
