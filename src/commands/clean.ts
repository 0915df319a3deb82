import type { Kept } from '../clean/index.ts';
import { Args, Flags, PtCommand } from '../cli/base.ts';
import { UserError } from '../errors.ts';
import { cleanOutput } from '../output/clean.ts';
import type { Printed } from '../output/index.ts';
import { runsFolder } from '../settings/index.ts';
import { formatBytes } from '../text/format.ts';
import { didYouMean } from '../text/suggest.ts';

export default class Clean extends PtCommand {
  static override summary =
    'What pt keeps on this machine beside its runs, how large it is, and freed when named';
  static override description =
    'Without a name it only lists. What a living process uses stays, and the journal of a publish that is not finished. Runs: `pt runs prune`.';
  static override examples = [
    '<%= config.bin %> clean',
    '<%= config.bin %> clean compiled --dry-run',
    '<%= config.bin %> clean --all --yes',
  ];
  static override strict = false;
  static override args = { name: Args.string({ description: 'What to free, by the name in the list' }) };
  static override flags = {
    all: Flags.boolean({ summary: 'Free everything in the list that may go' }),
    yes: Flags.boolean({ char: 'y', summary: 'Answer yes to every question' }),
    'dry-run': Flags.boolean({ summary: 'Only show what would go' }),
  };

  async run(): Promise<Printed<'clean'>> {
    const { flags, argv } = await this.parse(Clean);
    const { freeKept, listKept } = await import('../clean/index.ts');
    const settings = await this.settings(flags);
    const kept = await listKept({ home: settings.home, runsDir: runsFolder(settings), env: process.env });
    const names = argv as string[];
    const chosen = flags.all ? kept : chosenOf(kept, names);
    if (chosen === null) {
      this.#show(kept);
      this.nextSteps(
        kept.length === 0 ? [] : ['pt clean --all --dry-run', 'pt runs prune --failed --dry-run'],
      );
      return cleanOutput(kept, []);
    }
    this.#show(chosen);
    const bytes = chosen.reduce((sum, each) => sum + (each.stays === null ? each.bytes : 0), 0);
    if (flags['dry-run'] || bytes === 0) {
      this.note(`${formatBytes(bytes)} would be freed.`);
      if (bytes > 0) this.nextSteps(['The same command without --dry-run']);
      return cleanOutput(kept, []);
    }
    await this.confirm(`Free ${formatBytes(bytes)}?`, { yes: flags.yes ?? false });
    const gone = await freeKept(chosen);
    this.success(`${formatBytes(bytes)} freed.`);
    return cleanOutput(kept, gone);
  }

  #show(kept: Kept[]): void {
    if (kept.length === 0) {
      this.note('Nothing is kept.');
      return;
    }
    this.table(
      [
        { title: 'name' },
        { title: 'size', align: 'right' },
        { title: 'what', narrow: 'wrap' },
        { title: 'stays because', narrow: 'under' },
        { title: 'path', narrow: 'under' },
      ],
      kept.map(({ name, bytes, shared, what, stays, path }) => [
        name,
        formatBytes(bytes + shared),
        what,
        stays ?? '',
        path,
      ]),
    );
    const shared = kept.reduce((sum, each) => sum + each.shared, 0);
    if (shared > 0)
      this.note(
        `${formatBytes(shared)} of this has names elsewhere too, mostly in uv's cache, and stays there: \`uv cache clean\` frees that.`,
      );
  }
}

/** Null: nothing was named. */
function chosenOf(kept: Kept[], names: string[]): Kept[] | null {
  if (names.length === 0) return null;
  const known = new Set(kept.map(({ name }) => name));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new UserError(
      'usage.bad_value',
      `Nothing called ${unknown} is kept; there is ${[...known].join(', ') || 'nothing'}.${didYouMean(unknown, known)}`,
      { nextSteps: ['pt clean'] },
    );
  return kept.filter(({ name }) => names.includes(name));
}
