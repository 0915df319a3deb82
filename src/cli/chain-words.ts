import { existsSync } from 'node:fs';

/** What to say where a folder has the name of a word that means something on chain (`king`, `best`, a uid); null: there is none. */
export const notTheFolder = (word: string): string | null =>
  existsSync(word) ? `${word} is the chain's here, as always; the folder of that name is ./${word}.` : null;
