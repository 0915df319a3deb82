import { LoadCommand, loadFlags } from '../cli/load-command.ts';
import type { Printed } from '../output/index.ts';

export default class LoadBest extends LoadCommand {
  static override summary = 'Download and verify the best model on the network';
  static override aliases = ['load_best'];
  static override examples = [
    '<%= config.bin %> load-best --dir best',
    '<%= config.bin %> load-best --network sandbox --json',
  ];
  static override flags = loadFlags;

  async run(): Promise<Printed<'load-best'>> {
    const { flags } = await this.parse(LoadBest);
    return this.load(flags, { kind: 'best' });
  }
}
