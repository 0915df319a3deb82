/** Weight files as a registry knows them, by their sha256: equal ones are refused before anything is sampled (Teutonic). */
import { join } from 'node:path';
import { fileSha256 } from '../model/index.ts';
import { cannotTell, type Finding, type Profile } from '../rules/index.ts';
import type { Looked, Place } from './against.ts';

const RULE = 'layer_digests';

/**
 * Whether each weight file has the digest of one of the king's. A Hub lists digests, so nothing is downloaded; here only files of the king's
 * sizes are read, up to the first that is another.
 */
export async function layerFindings(own: Looked, king: Looked, { copies }: Profile): Promise<Finding[]> {
  if (copies?.kind !== 'bytes' || own.headers.size === 0 || king.headers.size === 0) return [];
  const told = (ok: boolean, message: string): Finding => ({
    rule: RULE,
    ok,
    actual: null,
    limit: null,
    message,
  });
  const [mine, theirs] = [weightsOf(own), weightsOf(king)];
  const sizes = (files: typeof mine) => files.map(({ size }) => size).join();
  if (sizes(mine) !== sizes(theirs))
    return [told(true, "The weights are in files of other sizes than the king's.")];
  const left: string[] = [];
  for (const { path } of theirs) {
    const digest = await digestOf(king.at, path);
    if (digest === null) return [cannotTell(RULE, `The Hub tells no digest of the king's ${path}.`)];
    left.push(digest);
  }
  for (const { path } of mine) {
    const digest = await digestOf(own.at, path);
    if (digest === null) return [cannotTell(RULE, `The Hub tells no digest of ${path}.`)];
    const at = left.indexOf(digest);
    if (at < 0) return [told(true, `${path} is none of the king's files.`)];
    left.splice(at, 1);
  }
  return [
    told(
      false,
      "Every weight file has the digest of one of the king's: refused as a copy, but for whoever had them earlier by a time that validators trust.",
    ),
  ];
}

/** Smallest first: what differs is soonest found there. */
const weightsOf = ({ headers, facts }: Looked): { path: string; size: number }[] =>
  facts.files.filter(({ path }) => headers.has(path)).toSorted((a, b) => a.size - b.size);

/** sha256, hex; null: the Hub does not list it. */
async function digestOf(at: Place, path: string): Promise<string | null> {
  if (!('dir' in at)) return at.revision.files.find((file) => file.path === path)?.sha256 ?? null;
  return fileSha256(join(at.dir, path));
}
