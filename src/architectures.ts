/** What is known of model classes, and what releases of transformers do with them: lookups in what `pt` ships (docs/architectures.md). */
import {
  type Architecture,
  type Architectures,
  architecturesSchema,
  type Fate,
  type PinnedClass,
  type TokenizerFiles,
  type Transformers,
  transformersSchema,
  type Values,
} from './architectures-schema.ts';
import { readConstants } from './constants-file.ts';
import { shippedDir } from './shipped.ts';

let known: Architectures | undefined;
let releasesKnown: Transformers | undefined;

/** What transformers does is no subnet's choice: always the file that `pt` ships, whichever constants folder is in use. */
export function loadArchitectures(): Architectures {
  known ??= readConstants(shippedDir(), 'architectures.json', architecturesSchema);
  return known;
}

/** Facts of a class; null for one that is not known here. */
export function architectureOf(name: string | null): Architecture | null {
  const { architectures } = loadArchitectures();
  return name !== null && Object.hasOwn(architectures, name) ? architectures[name]! : null;
}

function transformersKnown(): Transformers {
  releasesKnown ??= readConstants(shippedDir(), 'transformers.json', transformersSchema);
  return releasesKnown;
}

/** What is known of a class in a release of transformers; null: it has no such class; undefined: that was not looked at. */
export function pinnedClassOf(release: string, architecture: string): PinnedClass | null | undefined {
  const { releases } = transformersKnown();
  const classes = Object.hasOwn(releases, release) ? releases[release]! : {};
  return Object.hasOwn(classes, architecture) ? classes[architecture] : undefined;
}

/** The same of the release that `pt` trains with. */
export function newestClassOf(architecture: string): PinnedClass | null | undefined {
  return pinnedClassOf(transformersKnown().newest, architecture);
}

/** What a release of transformers does with a key of a class's config; null where nothing is done with it or that was not tried. */
export function fateOf(release: string, architecture: string, key: string): Fate | null {
  const keys = pinnedClassOf(release, architecture)?.keys ?? {};
  return Object.hasOwn(keys, key) ? keys[key]! : null;
}

/** By key, the kinds of values that a release of transformers fails on with a class; none where it was not run. */
export function valuesOf(release: string, architecture: string): ReadonlyMap<string, Values[string]> {
  const { values: shared } = transformersKnown();
  const own = pinnedClassOf(release, architecture);
  if (!own || !Object.hasOwn(shared, release)) return new Map();
  return new Map([...Object.entries(shared[release]!), ...Object.entries(own.values ?? {})]);
}

/** Files that a release's AutoTokenizer asks for; null for a release that was not run. */
export function tokenizerFilesOf(release: string): TokenizerFiles | null {
  const { tokenizers } = transformersKnown();
  return Object.hasOwn(tokenizers, release) ? tokenizers[release]! : null;
}

export function tokenizerFilesOfAll(): TokenizerFiles[] {
  return Object.values(transformersKnown().tokenizers);
}

/** The class that transformers builds for a `model_type`; null for one not known here. */
export function classOf(modelType: unknown): string | null {
  const found = Object.entries(loadArchitectures().architectures).find(
    ([, facts]) => facts.model_type === modelType,
  );
  return found?.[0] ?? null;
}
