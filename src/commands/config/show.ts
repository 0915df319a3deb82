import { hubFlags, networkFlags, PtCommand, walletFlags } from '../../cli/base.ts';
import type { Printed } from '../../output/index.ts';

export default class ConfigShow extends PtCommand {
  static override summary = 'Show every setting, its value and where it came from';
  static override description =
    'Flags win over the environment, then .env, config.yaml in PT_HOME, and the constants. Secrets are masked.';
  static override examples = [
    '<%= config.bin %> config show',
    '<%= config.bin %> config show --network sandbox --json',
  ];
  static override flags = { ...networkFlags, ...walletFlags, ...hubFlags };

  async run(): Promise<Printed<'config:show'>> {
    const { flags } = await this.parse(ConfigShow);
    const { rows } = await this.settings(flags);
    this.table(
      [{ title: 'setting' }, { title: 'value', narrow: 'under' }, { title: 'from', narrow: 'under' }],
      rows.map(({ key, value, origin }) => [key, value, origin]),
    );
    return { settings: rows };
  }
}
