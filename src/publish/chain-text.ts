import { commitmentFor, type Profile, pinnedFiles, sealSize } from '../rules/index.ts';
import type { JournalContent } from './journal.ts';
import type { Opened, PublishRequest } from './types.ts';

/** What a publish writes on chain. Made once, and carried by the publication: what is previewed, measured, sent and compared is one value. */
export interface ChainText {
  /** What it costs of the chain's space, whatever the revision will be: of the text, or of its seal. */
  bytes: number;
  /** The text of a revision, 40 hex digits; null: of what is pinned elsewhere. */
  at(commit: string | null): string;
  /** The text with a gap where the revision is not known yet. */
  withGap: string;
}

/** The one file that is the model, where the profile pins a file; null: there is none, or several. */
export function pinnedFile(
  profile: Profile,
  files: JournalContent['files'],
): JournalContent['files'][number] | null {
  const models = profile.pin.store === 'file' ? pinnedFiles(files.map(({ path }) => path)) : [];
  return models.length === 1 ? files.find(({ path }) => path === models[0])! : null;
}

const UNKNOWN = '0'.repeat(40);

/** Throws `UserError` `repo.invalid` or `commitment.invalid` when no text can be made of it, whatever the revision. */
export function chainText(
  { repo, source, useHotkeyInHash, fields, competition: asked }: PublishRequest,
  { profile, hotkey }: Opened,
  { contentHash, competition, files }: Pick<JournalContent, 'contentHash' | 'competition' | 'files'>,
): ChainText {
  const pin = source.kind === 'elsewhere' ? source.pin : null;
  const file = pin === null ? pinnedFile(profile, files) : null;
  const at = (commit: string | null) =>
    commitmentFor(profile, {
      repo,
      commit,
      pin,
      contentHash,
      hotkey: hotkey.ss58,
      useHotkeyInHash,
      // Elsewhere no schedule knows a subnet's own competitions: the one that was named is the one.
      competitionId: profile.pretraining === null ? asked : competition,
      sha256: (pin === null ? file?.sha256 : pin.replace(/^sha256:/, '')) ?? null,
      file: file?.path ?? null,
      fields,
    });
  const unknown = at(pin === null ? UNKNOWN : null);
  const length = Buffer.byteLength(unknown);
  return {
    bytes: profile.commit.mode === 'timelock' ? sealSize(length).cost : length,
    at,
    withGap: unknown.replace(UNKNOWN, '<commit>'),
  };
}
