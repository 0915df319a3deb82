import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from './errors.ts';

/** `constants/` of the package: beside `src/` and beside `dist/`, however deep this module was bundled. */
export function shippedDir(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    const candidate = join(at, 'constants');
    if (existsSync(join(candidate, 'networks.json'))) return candidate;
    if (at === dirname(at)) break;
  }
  throw new UserError('constants.missing', 'The constants folder is missing from this installation of pt.', {
    nextSteps: ['npm install'],
  });
}

/** Names of the recipes or profiles that come with pt, without reading them: help and flags name them. */
export const shippedNames = (kind: 'recipes' | 'profiles'): string[] =>
  readdirSync(join(shippedDir(), kind))
    .flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? [])
    .toSorted();

/** Names of the data sets that pt knows. */
export function shippedDataSets(): string[] {
  const { datasets } = JSON.parse(readFileSync(join(shippedDir(), 'datasets.json'), 'utf8')) as {
    datasets: { name: string }[];
  };
  return datasets.map(({ name }) => name);
}
