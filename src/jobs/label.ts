import { UserError } from '../errors.ts';
import { type Labels, readLabels, writeLabels } from '../training/index.ts';

const MOST = 40;

/** Changes what people call a run, which may be being trained. Throws UserError `usage.tag`. */
export async function labelRun(
  runDir: string,
  {
    add = [],
    remove = [],
    note,
  }: { add?: readonly string[]; remove?: readonly string[]; note?: string | null },
): Promise<Labels> {
  for (const tag of add)
    if (!/^[\p{L}\p{N}][\p{L}\p{N}._:/+-]*$/u.test(tag) || tag.length > MOST)
      throw new UserError(
        'usage.tag',
        `A tag is a word of letters, digits and . _ : / + -, of at most ${MOST} characters, not ${JSON.stringify(tag)}.`,
        { nextSteps: ['pt runs note RUN TEXT   # for a line of any words'] },
      );
  const before = await readLabels(runDir);
  const tags = new Set([...before.tags, ...add]);
  for (const tag of remove) tags.delete(tag);
  const labels = { tags: [...tags].sort(), note: note === undefined ? before.note : note };
  await writeLabels(runDir, labels);
  return labels;
}
