/** A file of constants/, read and held to its form; what is wrong with it is said by file and path. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { UserError } from './errors.ts';

/** Throws `UserError` `constants.missing` or `constants.invalid`, naming file and path of the wrong value. */
export function readConstants<T>(dir: string, file: string, schema: z.ZodType<T>): T {
  const path = join(dir, file);
  const fail = (what: string) =>
    new UserError('constants.invalid', `${path}: ${what}`, {
      nextSteps: [`Correct ${file}, or leave out the setting that names this constants folder.`],
    });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new UserError('constants.missing', `${path}: this constants file cannot be read.`, {
      nextSteps: [`Copy ${file} from the constants folder that pt ships, and edit the copy.`],
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(`not JSON (${(error as Error).message})`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = deepest(parsed.error.issues[0]!);
  const at = issue.path.reduce<string>(
    (text, key) => text + (typeof key === 'number' ? `[${key}]` : `${text === '' ? '' : '.'}${String(key)}`),
    '',
  );
  const more = parsed.error.issues.length - 1;
  throw fail(`${at || 'the file'}: ${issue.message}${more > 0 ? ` (and ${more} more)` : ''}`);
}

type Issue = z.core.$ZodIssue;

/** What is wrong in the branch of a choice that fits best: the kind of value, then the fewest faults, the furthest in. Equal ones are all named. */
function deepest(issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue;
  const branches = issue.errors.flatMap((all) => {
    const [first] = all;
    if (first === undefined) return [];
    const found = deepest(first);
    const otherKind = first.code === 'invalid_type' && first.path.length === 0;
    return [{ ...found, rank: [otherKind ? 1 : 0, all.length, -found.path.length] }];
  });
  const byRank = (a: number[], b: number[]) => a.map((each, i) => each - b[i]!).find((by) => by !== 0) ?? 0;
  const [best] = branches.toSorted((a, b) => byRank(a.rank, b.rank));
  const equal = branches.filter(({ rank }) => byRank(rank, best!.rank) === 0);
  const message = [...new Set(equal.map((each) => each.message))].join(', or: ');
  return { path: [...issue.path, ...best!.path], message };
}
