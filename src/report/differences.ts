import { knobs } from '../training/index.ts';
import { asObject, type Json, type RunReport } from './run-report.ts';

/** A setting that runs do not share. */
export interface Difference {
  /** Where it stands: `recipe.optimizer.lr`. */
  key: string;
  /** Of each run, in their order. */
  values: string[];
}

/** About where and how it was started, and a recipe's words about itself: nothing of what was trained. */
const NOT_COMPARED = new Set(['version', 'run_dir', 'resume', 'from_start']);
const WORDS = new Set(['description', 'source']);
/** What the trainer found, beside what it was asked for. */
const FOUND = [
  'parameters',
  'architecture',
  'tokenizer',
  'tokens_per_step',
  'device_name',
  'world_size',
  'dtype',
  'attention',
  'compile',
  'versions',
];
/** Longer values are cut; a list of a thousand numbers is no setting that anybody reads. */
const LONGEST = 300;
const ABSENT = '–';

/** What a null of run.json stands for, by its key. */
const UNSET = new Map<string, string>(
  knobs.flatMap(([, { key, unset }]) => (unset === undefined ? [] : [[key, unset]])),
);

/** Settings of run.json, and what the trainer made of them, in which the runs differ; by name. */
export function differencesOf(reports: RunReport[]): Difference[] {
  const flat = reports.map(({ config, collected }) => {
    const start: Json = asObject(collected.start);
    const found = Object.fromEntries(FOUND.flatMap((key) => (key in start ? [[key, start[key]]] : [])));
    return new Map([
      ...flatten({ ...config, recipe: withoutWords(config.recipe) }),
      ...flatten({ trainer: found }),
    ]);
  });
  const keys = [...new Set(flat.flatMap((each) => [...each.keys()]))].sort();
  return keys
    .map((key) => ({ key, values: flat.map((each) => each.get(key) ?? ABSENT) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

const withoutWords = (recipe: unknown): Json =>
  Object.fromEntries(Object.entries(asObject(recipe)).filter(([key]) => !WORDS.has(key)));

function flatten(value: unknown, key = ''): [string, string][] {
  if (NOT_COMPARED.has(key)) return [];
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const parts = Object.entries(value);
    return parts.flatMap(([name, part]) => flatten(part, key === '' ? name : `${key}.${name}`));
  }
  return [[key, said(key, value)]];
}

function said(key: string, value: unknown): string {
  if (value === null || value === undefined) return UNSET.get(key) ?? ABSENT;
  const text = Array.isArray(value)
    ? value.map(part).join(', ')
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** One of a list: data sets by name, with their weight where it says something. */
function part(value: unknown): string {
  const { name, weight } = asObject(value);
  if (typeof name !== 'string') return typeof value === 'string' ? value : JSON.stringify(value);
  return weight === undefined || weight === 1 ? name : `${name} × ${weight}`;
}
