import { resolve } from 'node:path';
import type { LoadOutcome, LoadSource } from '../load/index.ts';
import { shellWord } from '../text/shell-word.ts';
import { Flags, hubFlags, networkFlags, PtCommand } from './base.ts';

export const loadFlags = {
  dir: Flags.string({
    summary: "Folder that will hold the model's files (one in --model-dir)",
    aliases: ['download-dir'],
    helpGroup: 'FILES',
  }),
  'model-dir': Flags.string({
    summary: 'Folder of models; each gets a folder of its own in it (PT_HOME/models)',
    helpGroup: 'FILES',
    exclusive: ['dir'],
  }),
  force: Flags.boolean({ summary: 'Replace what --dir holds', helpGroup: 'FILES' }),
  ...networkFlags,
  ...hubFlags,
};

interface Given {
  dir?: string;
  force?: boolean;
}

/** What `pt load` and `pt load-best` share. */
export abstract class LoadCommand extends PtCommand {
  protected async load(flags: Given, source: LoadSource): Promise<LoadOutcome> {
    const settings = await this.settings(flags);
    const place = await this.place(settings);
    const { load } = await import('../load/index.ts');
    const dirAsked = flags.dir === undefined ? null : resolve(flags.dir);
    const outcome = await this.work(
      load({ source, dir: dirAsked, force: flags.force ?? false, signal: this.signal }, place),
    );
    const { repo, commit, dir, uid, verified } = outcome;
    const whose = uid === null ? '' : `uid ${uid}'s `;
    this.success(
      `${whose}${repo}@${commit.slice(0, 8)} ${verified ? 'is verified against the chain' : 'matches the Hub (no chain entry was compared)'}.`,
    );
    this.print(dir);
    this.nextSteps([`pt train --load-model-dir ${shellWord(dir)}`, `pt check ${shellWord(dir)}`]);
    return outcome;
  }
}
