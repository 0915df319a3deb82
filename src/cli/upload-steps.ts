import type { UploadPlan } from '../publish/index.ts';
import { formatBytes } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';
import { repoOf, runOf } from '../training/index.ts';
import type { Ui } from '../ui/terminal.ts';

/** The command that publishes a model folder: to `repo`, else where its run is published. */
export async function uploadStep(dir: string, repo: string | null): Promise<string> {
  const known = repo ?? (await repoOf(runOf(dir)));
  return `pt upload --load-model-dir ${shellWord(dir)} --hf-repo-id ${known ?? 'NAMESPACE/NAME'}`;
}

/** What a dry run found, as tables: steps, files, the text for the chain. */
export function showPlan(plan: UploadPlan, show: Pick<Ui, 'table' | 'print'>): void {
  show.table(
    [
      { title: 'step' },
      { title: 'what', narrow: 'wrap' },
      { title: 'size', align: 'right' },
      { title: 'done' },
    ],
    plan.steps.map(({ step, detail, bytes, done }) => [
      step,
      detail,
      bytes === 0 ? '' : formatBytes(bytes),
      done ? 'yes' : '',
    ]),
  );
  show.table(
    [
      { title: 'file', narrow: 'under' },
      { title: 'size', align: 'right' },
    ],
    [
      ...plan.files.map(({ path, size }) => [path, formatBytes(size)]),
      ...plan.deletes.map((path) => [path, 'deleted']),
    ],
  );
  show.print(plan.commitment);
}
