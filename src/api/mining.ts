import { cp, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Cancelled, CheckError, UserError } from '../errors.ts';
import { type LoadOutcome, type LoadSource, load, readSubnet } from '../load/index.ts';
import { openTarget } from '../load/target.ts';
import { contentHashOf, type ModelFacts, openFolder } from '../model/index.ts';
import { finish } from '../progress.ts';
import type { PublishOrder, UploadOutcome, WriteQuestion } from '../publish/index.ts';
import { fieldsIn } from '../publish/source.ts';
import { carriedFiles } from '../rules/index.ts';
import { publishModel } from '../runs/publish-model.ts';
import { shellWord } from '../text/shell-word.ts';
import { at, type NetworkOptions, type WalletOptions } from './options.ts';

/** A model folder on this machine. */
export interface LocalModel {
  /** Absolute path. */
  dir: string;
  facts: ModelFacts;
  /** base64, as in the chain string. */
  contentHash: string;
  /** What belongs to it under the profile that it was looked at with, as far as it is there. */
  files: string[];
}

export interface LoadOptions extends NetworkOptions {
  /** Folder that will hold exactly the model's files; left out: one of its own under PT_HOME. */
  downloadDir?: string;
  /** Replace what the folder holds. */
  force?: boolean;
}

/**
 * Downloads the model that a miner has on chain and verifies it against the chain's hash.
 * Throws `CheckError` (3) when the commitment or the content is not what it should be, `UserError` for an unknown uid.
 */
export function loadRemoteModel({ uid, ...options }: LoadOptions & { uid: number }): Promise<LoadOutcome> {
  return loadFrom({ kind: 'uid', uid }, options);
}

/** Downloads and verifies the model of the best miner. */
export function loadBestModel(options: LoadOptions = {}): Promise<LoadOutcome> {
  return loadFrom({ kind: 'best' }, options);
}

function loadFrom(source: LoadSource, options: LoadOptions): Promise<LoadOutcome> {
  const { downloadDir, force = false, signal, onProgress } = options;
  const dir = downloadDir === undefined ? null : resolve(downloadDir);
  const request = { source, dir, force, ...(signal ? { signal } : {}) };
  return at(options, (place) => finish(load(request, place), onProgress));
}

/** Looks at a model folder without reading its weights into memory. Throws `UserError` `model.missing`, `CheckError` for a broken one. */
export async function loadLocalModel(dir: string, options: NetworkOptions = {}): Promise<LocalModel> {
  const profile = await at(options, async (place) => place.profile);
  const folder = await openFolder(dir, profile);
  const { facts } = folder;
  if (facts.problems.length > 0) {
    throw new CheckError('model.malformed', facts.problems.map(({ message }) => message).join(' '), {
      details: { findings: facts.problems },
      nextSteps: [`pt check ${shellWord(dir)}`],
    });
  }
  const present = new Set(facts.files.map(({ path }) => path));
  const files = carriedFiles(present, facts.hashedFiles, profile);
  return { dir: resolve(dir), facts, contentHash: await contentHashOf(folder, profile), files };
}

/** Copies a model's files (config, weights, tokenizer, what its profile asks for; nothing else of its folder) to an empty or new folder. */
export async function save(model: LocalModel, dir: string): Promise<LocalModel> {
  const target = await openTarget(dir, `${model.contentHash}`, false);
  if (target.occupied) target.refuseOccupied();
  for (const path of model.files) {
    const to = join(target.temporary, path);
    await mkdir(dirname(to), { recursive: true });
    await cp(join(model.dir, path), to, { dereference: true });
  }
  await target.settle();
  return { ...model, dir: target.dir };
}

export interface PushOptions extends NetworkOptions {
  /** Model folder. */
  dir: string;
  /** `namespace/name` on the Hub. */
  repo: string;
  wallet?: WalletOptions;
  /** `bf16` (default) casts, `fp32` publishes the weights as they are saved. */
  dtype?: 'bf16' | 'fp32';
  useHotkeyInHash?: boolean;
  /** Values that the profile's text names and pt cannot know. */
  fields?: Record<string, string>;
  /** Leave the repository private. */
  private?: boolean;
  /** Wait when the chain's limit is used up. */
  wait?: boolean;
  /** Commit also in the place of a commitment that the same hotkey made since this publish began. */
  replace?: boolean;
  /** Forget an unfinished publish of something else to the same repository. */
  restart?: boolean;
  /** Publish although the rules refuse the model or it cannot score. */
  noCheck?: boolean;
  /**
   * Asked whatever `pt upload` would ask before it writes to a real network; false refuses. Without it the call itself is the yes, except
   * for a subnet that no longer scores such submissions (`publish.retired`) and a model of which nothing can be told (`check.unknown`).
   */
  confirm?: (question: WriteQuestion) => boolean | Promise<boolean>;
}

/** Of a folder: it lies on a Hub, and its content is known. */
export type Pushed = UploadOutcome & { commit: string; contentHash: string; public: boolean };

/**
 * Publishes a model folder, as `pt upload` does: check, private upload, commitment, read back, public. Safe to call again after
 * anything: it continues, and never commits twice. What it would ask before it writes to a real network, it asks `confirm`.
 */
export function push(options: PushOptions): Promise<Pushed> {
  const { dir, repo, dtype = 'bf16', confirm, signal, onProgress } = options;
  const order: PublishOrder = {
    source: { kind: 'folder', dir, dtype },
    repo,
    useHotkeyInHash: options.useHotkeyInHash ?? null,
    makePublic: !options.private,
    wait: options.wait ?? false,
    replace: options.replace ?? false,
    restart: options.restart ?? false,
    noCheck: options.noCheck ?? false,
    ask: (question) => answer(question, confirm, options.noCheck ?? false),
    ...(signal ? { signal } : {}),
  };
  return at(
    options,
    async (place) => {
      const fields = fieldsIn(
        Object.entries(options.fields ?? {}).map((field) => field.join('=')),
        place,
      );
      return (await finish(publishModel({ ...order, fields }, place), onProgress)) as Pushed;
    },
    options.wallet,
  );
}

async function answer(
  question: WriteQuestion,
  confirm: PushOptions['confirm'],
  noCheck: boolean,
): Promise<void> {
  if (confirm) {
    if (!(await confirm(question))) throw new Cancelled('Nothing was done.');
  } else if (question.verdict !== null && !noCheck)
    throw new CheckError(
      'check.unknown',
      `Whether validators would take and score this model cannot be told. ${question.text}`,
      {
        nextSteps: ['pt check DIR   # says why', 'push({ …, noCheck: true })   # publishes it all the same'],
      },
    );
  else if (question.retired)
    throw new UserError(
      'publish.retired',
      `That subnet no longer scores submissions of this kind. ${question.text}`,
      {
        nextSteps: [
          "push({ …, network: 'sandbox' })",
          'push({ …, confirm: () => true })   # does it all the same',
        ],
      },
    );
}

/** Where a miner's model is; null when its commitment names none. The names come from strangers. */
export async function getRepo(
  uid: number,
  options: NetworkOptions = {},
): Promise<{ repo: string; commit: string; url: string } | null> {
  return at(options, async (place) => {
    const { miners } = await readSubnet(await place.chain(), place.netuid, place.profile);
    const miner = miners.find((each) => each.uid === uid);
    if (!miner || miner.repo === null || miner.commit === null) return null;
    const { repo, commit } = miner;
    return { repo, commit, url: `${place.hubEndpoint}/${repo}/tree/${commit}` };
  });
}
