/** Which model a name means, and where it is on this machine. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Chain } from '../chain/types.ts';
import { PtError, UserError } from '../errors.ts';
import { type LoadRequest, load, lookAt, readSubnet } from '../load/index.ts';
import { inspectFolder, type ModelFacts } from '../model/index.ts';
import type { Place } from '../place.ts';
import { type Work, warning } from '../progress.ts';
import { parseRepoRef } from '../rules/index.ts';
import type { EvaluateRequest, ModelRef } from './types.ts';

/** A model on this machine. `block`: of its commitment; null: of none that is known. */
export interface Located {
  ref: ModelRef;
  mine: boolean;
  name: string;
  dir: string;
  block: number | null;
  uid: number | null;
  facts: ModelFacts;
}

export const folderRef = (dir: string): ModelRef => ({
  kind: 'folder',
  name: basename(resolve(dir)),
  dir: resolve(dir),
});

/**
 * `best` or `king` (which it is) and a uid (`5`, `uid 5`) are the chain's, whatever folders there are (one of that name is `./king`); then an
 * existing folder, or a repository reference. Anything else is taken for a folder, which is then missing.
 */
export function parseModelRef(text: string): ModelRef {
  if (text === 'best' || text === 'king') return { kind: 'best', name: text };
  const uid = /^(?:uid ?)?(\d{1,5})$/.exec(text)?.[1];
  if (uid !== undefined) return { kind: 'uid', name: `uid ${uid}`, uid: Number(uid) };
  const ref = existsSync(text) ? null : parseRepoRef(text);
  return ref ? { kind: 'repo', name: text, ...ref } : folderRef(text);
}

export async function* openChain(
  request: Pick<EvaluateRequest, 'block'>,
  place: Place,
  needed: boolean,
): Work<Chain | null> {
  if (!place.reachable) {
    if (needed)
      throw new UserError('offline.refused', '--offline: models on the chain cannot be looked up.', {
        nextSteps: ['Leave out --offline, or name folders.'],
      });
    return null;
  }
  try {
    return await place.chain();
  } catch (error) {
    if (needed || !(error instanceof PtError)) throw error;
    yield warning(
      `No chain: ${error.message} ${request.block == null ? 'The newest rules of the schedule are used.' : ''}`,
    );
    return null;
  }
}

/** How a model is found: `locate`, or `look`. */
export type Find<Model extends Located> = (
  ref: ModelRef,
  mine: boolean,
  asked: Asked,
  place: Place,
  chain: Chain | null,
) => Work<Model>;

/** `fits`: asked before a model is downloaded; what it throws ends the search. */
interface Asked {
  request: Pick<EvaluateRequest, 'modelsDir' | 'signal'>;
  competition: string | null;
  fits?: (name: string, facts: ModelFacts) => Work<void>;
}

/** Where a model is on this machine, downloading it when it is not. */
export async function* locate(...[ref, mine, asked, place, chain]: Parameters<Find<Located>>): Work<Located> {
  if (ref.kind === 'folder') return folderAt(ref, mine, place);
  const outcome = yield* load(loadRequest(ref, asked), place);
  const miner =
    chain && outcome.uid !== null
      ? (await readSubnet(chain, place.netuid, place.profile)).miners.find((m) => m.uid === outcome.uid)
      : undefined;
  return {
    ref,
    mine,
    name: nameOf(ref, outcome),
    dir: outcome.dir,
    block: miner?.block ?? null,
    uid: outcome.uid,
    facts: await inspectFolder(outcome.dir, place.profile),
  };
}

/** A model that may not be on this machine. */
export interface Seen extends Located {
  /** Its revision on the Hub; null: a folder. */
  onHub: { repo: string; commit: string } | null;
  /** Bytes that would be downloaded. */
  download: number;
}

/** The same without downloading anything: by its config and headers. */
export async function* look(...[ref, mine, asked, place]: Parameters<Find<Seen>>): Work<Seen> {
  if (ref.kind === 'folder') return { ...(await folderAt(ref, mine, place)), onHub: null, download: 0 };
  const { uid, dir, facts, bytes, repo, commit } = yield* lookAt(loadRequest(ref, asked), place);
  const name = nameOf(ref, { uid, repo });
  return { ref, mine, name, dir, block: null, uid, facts, onHub: { repo, commit }, download: bytes };
}

async function folderAt(
  ref: ModelRef & { kind: 'folder' },
  mine: boolean,
  { profile }: Place,
): Promise<Located> {
  const facts = await inspectFolder(ref.dir, profile);
  return { ref, mine, name: ref.name, dir: ref.dir, block: null, uid: null, facts };
}

const loadRequest = (
  source: Exclude<ModelRef, { kind: 'folder' }>,
  { request: { modelsDir, signal }, competition, fits }: Asked,
): LoadRequest => ({
  source,
  competition,
  ...(modelsDir === undefined ? {} : { modelsDir }),
  ...(signal ? { signal } : {}),
  ...(fits ? { before: (facts) => fits(source.name, facts) } : {}),
});

const nameOf = (ref: ModelRef, { uid, repo }: { uid: number | null; repo: string }): string =>
  ref.kind === 'repo' ? ref.name : `uid ${uid} (${repo})`;
