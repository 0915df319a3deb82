/** A model beside the king's: locked settings, equal files, allowed sizes (`pt check --against`). */
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub, HubRevision } from '../hub/types.ts';
import type { ModelFacts } from '../model/index.ts';
import {
  type Beside,
  cannotTell,
  checkAgainst,
  checkAllowlist,
  equalFiles,
  type Finding,
  type Profile,
} from '../rules/index.ts';
import { layerFindings } from './layer-digests.ts';
import { nearCopyFindings, type Opened } from './near-copy.ts';

/** Where a model lies: a folder here, or a revision on the Hub. */
export type Place = { dir: string } | { hub: Hub; revision: HubRevision };

/** What is compared byte for byte is small; anything larger is not read for it. */
const MOST_BYTES = 64 * 2 ** 20;

/** A model looked at, and where it lies. */
export type Looked = Opened & { facts: ModelFacts };

/** Findings of a profile that locks something or knows near copies: with the king, or that it is not at hand. */
export async function againstFindings(
  model: Looked,
  king: Looked | null,
  profile: Profile,
): Promise<Finding[]> {
  const allowed = checkAllowlist(model.facts.config, profile);
  const wants = profile.config !== null && profile.config.against !== 'allowlist';
  const near = king && [
    ...(await layerFindings(model, king, profile)),
    ...(await nearCopyFindings(model, king, profile)),
  ];
  if (!wants) return [...allowed, ...(near ?? [])];
  if (king === null) {
    const whose = profile.config!.against === 'king' ? "the king's" : 'the genesis model’s';
    const message = `Settings and files are locked to ${whose}, which is not at hand: name it with --against king, DIR or REPO@COMMIT.`;
    return [...allowed, cannotTell('locks', message)];
  }
  return [...allowed, ...(await lockFindings(model, king, profile)), ...near!];
}

/** Of the same two, what is locked alone: settings and files, whatever the numbers are. */
export async function lockFindings(model: Held, king: Held, profile: Profile): Promise<Finding[]> {
  const names = [...(profile.files.code ?? []), ...equalFiles(profile)];
  const [own, theirs] = await Promise.all([besideOf(model, names), besideOf(king, names)]);
  return checkAgainst(own, theirs, profile);
}

type Held = Pick<Looked, 'facts' | 'at'>;

async function besideOf({ facts, at }: Held, names: string[]): Promise<Beside> {
  const paths = facts.files.map(({ path }) => path);
  const sizes = new Map(facts.files.map(({ path, size }) => [path, size]));
  const sha256 = new Map<string, string>();
  for (const path of names) {
    const size = sizes.get(path);
    if (size === undefined || size > MOST_BYTES) continue;
    const bytes =
      'dir' in at
        ? await wholeFile(join(at.dir, path))
        : await at.hub.range(at.revision.repo, at.revision.commit, path, 0, size);
    sha256.set(path, createHash('sha256').update(bytes).digest('hex'));
  }
  return { config: facts.config, paths, sha256 };
}

async function wholeFile(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await stat(path);
    const bytes = Buffer.alloc(size);
    await file.read(bytes, 0, size, 0);
    return bytes;
  } finally {
    await file.close();
  }
}
