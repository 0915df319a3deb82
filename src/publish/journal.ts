import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { diskError } from '../host/disk-error.ts';
import { writeJson } from '../host/write-file.ts';
import { fileWord } from '../text/file-name.ts';
import type { UploadOutcome } from './types.ts';

/**
 * What one publish has done so far, on disk: enough to go on after a kill at any moment, nothing secret.
 *
 * Two rules make it safe. An outward step that cannot be asked about afterwards (sending the commitment) is written down
 * *before* it happens (`intent`); every other step is looked up in the world first and written down after.
 */

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));
const block = z.number().int().nonnegative();
const bytes = z.number().int().nonnegative();
const shortText = z.string().max(1000);

const commitment = z.strictObject({ block, text: shortText.nullable() });

const fileSchema = z.strictObject({ path: shortText, size: bytes, sha256: hex(64) });

/** What is being published: any difference makes it another publish. */
const contentSchema = z.strictObject({
  /** `folder`: uploaded from disk; with `--commit-only` `hub`: what a revision already holds, `elsewhere`: what `pin` names. */
  source: z.enum(['folder', 'hub', 'elsewhere']),
  /** `hub`: the revision that was named. */
  commit: hex(40).nullable(),
  /** `elsewhere`: the pin that was named; absent: journals of older versions. */
  pin: shortText.nullable().default(null),
  profile: z.string().min(1),
  competition: z.number().int().nullable(),
  dtype: z.enum(['bf16', 'fp32']).nullable(),
  /** Null: not seen here. */
  contentHash: shortText.nullable(),
  /** What the chain string carries: the content hash, or the hotkey-bound hash. */
  chainHash: shortText.nullable(),
  files: z.array(fileSchema),
});

const outcomeSchema = z.strictObject({
  repo: shortText,
  commit: hex(40).nullable(),
  pin: shortText.nullable().default(null),
  contentHash: shortText.nullable(),
  commitment: shortText,
  block,
  hotkey: shortText,
  public: z.boolean().nullable(),
  bytesUploaded: bytes,
  resumed: z.boolean(),
  seal: z
    .strictObject({
      round: z.number().int().nonnegative().nullable(),
      revealsAt: shortText.nullable(),
      state: z.enum(['sealed', 'revealed']),
      late: z.boolean().nullable().default(null),
    })
    .nullable()
    .default(null),
}) satisfies z.ZodType<UploadOutcome>;

const journalSchema = z.strictObject({
  version: z.literal(1),
  genesis: shortText,
  netuid: z.number().int().nonnegative(),
  hotkey: shortText,
  repo: shortText,
  createdAt: shortText,
  updatedAt: shortText,
  content: contentSchema,
  /** Whether the repository was public before this publish touched it; null: it did not exist, or not looked at yet. */
  wasPublic: z.boolean().nullable(),
  /** The chain's commitment of this hotkey when this publish began; absent: not looked at (journals of older versions). */
  standing: commitment.nullable().optional(),
  /**
   * Written before a public repository is made private, taken away when it is public again: its head then, which others could load, and
   * the time.
   */
  hidden: z
    .strictObject({ head: hex(40), since: shortText })
    .nullable()
    .optional(),
  /** The revision that holds exactly `content.files`, confirmed on the Hub. */
  upload: z.strictObject({ commit: hex(40), bytesUploaded: bytes }).nullable(),
  /** Written before the extrinsic is sent. `before`: the chain's commitment of this hotkey at that time. */
  intent: z
    .strictObject({
      text: shortText,
      extrinsicHash: shortText,
      block,
      before: commitment.nullable(),
    })
    .nullable(),
  /** The seal of `text` (hex), written before it is first sent; absent: journals of older versions. */
  seal: z
    .strictObject({
      text: shortText,
      encrypted: z.string().regex(/^[0-9a-f]{2,2048}$/),
      round: z.number().int().nonnegative(),
      revealsAt: shortText,
      /** Once included: whether its round was out before; absent or null: not known. */
      late: z.boolean().nullable().optional(),
    })
    .nullable()
    .optional(),
  /** The commitment as read back from the chain. */
  committed: z.strictObject({ text: shortText, block }).nullable(),
  /** What was returned when all was done; null while anything is left to do. */
  outcome: outcomeSchema.nullable(),
});

export type JournalContent = z.infer<typeof contentSchema>;
export type Journal = z.infer<typeof journalSchema>;

/** Who publishes where: at most one unfinished publish for each. */
export interface JournalKey {
  genesis: string;
  netuid: number;
  hotkey: string;
  repo: string;
}

/** Path of the journal of `key` under `home` (PT_HOME). */
export function journalPath(home: string, key: JournalKey): string {
  const digest = digestOf(key.genesis, key.netuid, key.hotkey, key.repo);
  return join(home, 'journals', `${fileWord(key.repo, 60)}-${digest}.json`);
}

/**
 * Path of the lock of a publish, without its ending. One for all repositories: a hotkey has one commitment on a subnet, and whoever came
 * second would replace the first one's.
 */
export function lockPath(home: string, key: JournalKey): string {
  return join(home, 'journals', `hotkey-${digestOf(key.genesis, key.netuid, key.hotkey)}`);
}

const digestOf = (...identity: (string | number)[]): string =>
  createHash('sha256').update(identity.join('|')).digest('hex').slice(0, 16);

export function newJournal(
  key: JournalKey,
  content: JournalContent,
  { now = new Date(), ...begun }: { now?: Date } & Pick<Journal, 'standing' | 'hidden'> = {},
): Journal {
  const time = now.toISOString();
  return {
    version: 1,
    ...key,
    createdAt: time,
    updatedAt: time,
    content,
    wasPublic: null,
    upload: null,
    intent: null,
    committed: null,
    outcome: null,
    ...begun,
  };
}

/** Parses a journal's text. Throws `UserError` `publish.journal_damaged` for anything that this version did not write. */
export function parseJournal(text: string, path: string): Journal {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, 'it is not JSON');
  }
  const parsed = journalSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw damaged(path, `${issue?.path.join('.') || 'root'}: ${issue?.message}`);
  }
  return parsed.data;
}

function damaged(path: string, why: string): UserError {
  return new UserError('publish.journal_damaged', `The publish journal ${path} cannot be read: ${why}.`, {
    nextSteps: [
      'Run the same `pt upload` with `--restart`: it starts afresh and finds on the Hub and the chain what was done.',
    ],
  });
}

/** Reads the journal of `path`; null when there is none. */
export async function readJournal(path: string): Promise<Journal | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw diskError(error, path);
  }
  return parseJournal(text, path);
}

/** Replaces the journal atomically and durably: after this returns, a kill or a power cut leaves the new one. */
export const writeJournal = (path: string, journal: Journal): Promise<void> => writeJson(path, journal);

/** Whether two publishes are about the same bytes under the same rules. */
export function sameContent(a: JournalContent, b: JournalContent): boolean {
  return canonical(a) === canonical(b);
}

function canonical(content: JournalContent): string {
  const files = content.files.map(({ path, size, sha256 }) => [path, size, sha256]).sort();
  const { source, commit, pin, profile, competition, dtype, contentHash, chainHash } = content;
  return JSON.stringify([source, commit, pin, profile, competition, dtype, contentHash, chainHash, files]);
}

/** A journal's file; what is in it is null where that cannot be read. */
export interface JournalFile {
  path: string;
  journal: Journal | null;
}

/** Every journal under `home`. */
export async function journalFiles(home: string): Promise<JournalFile[]> {
  const dir = join(home, 'journals');
  const names = await readdir(dir).catch(() => []);
  const paths = names.filter((name) => name.endsWith('.json')).map((name) => join(dir, name));
  return Promise.all(
    paths.map(async (path) => ({ path, journal: await readJournal(path).catch(() => null) })),
  );
}

/** Whether a publish has nothing left to do, and its journal nothing to tell but that it was done. */
export const isFinished = (journal: Journal): boolean =>
  journal.outcome !== null && (journal.hidden ?? null) === null;

/** The journals under `home` that can be read; what is damaged is left to the publish that it belongs to. */
export async function readJournals(home: string): Promise<Journal[]> {
  return (await journalFiles(home)).flatMap(({ journal }) => journal ?? []);
}
