import { readFile } from 'node:fs/promises';

/** Script and style of the pages, as they stand in them. */
export interface Assets {
  script: string;
  style: string;
}

let loaded: Promise<Assets> | null = null;

/** Reads them from beside this file, where the build puts them (scripts/build.mjs bundles `client/`). */
export function loadAssets(): Promise<Assets> {
  const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8');
  loaded ??= Promise.all([read('./client.js'), read('./client.css')]).then(([script, style]) => ({
    script,
    style,
  }));
  return loaded;
}
