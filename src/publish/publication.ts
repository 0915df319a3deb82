import { type Journal, writeJournal } from './journal.ts';
import type { Prepared } from './prepare.ts';
import type { Opened, PublishRequest } from './types.ts';

/** One publish under way: what was asked, where, what is published, and the journal. */
export interface Publication extends Prepared {
  request: PublishRequest;
  place: Opened;
  journal: Journal;
  journalPath: string;
  /** Whether a journal of this very publish was there. */
  resumed: boolean;
}

/** Writes down what is known now; after this returns a kill cannot lose it. */
export async function record(publication: Publication, changes: Partial<Journal>): Promise<void> {
  const journal = { ...publication.journal, ...changes, updatedAt: new Date().toISOString() };
  await writeJournal(publication.journalPath, journal);
  publication.journal = journal;
}
