import { Args, Flags, PtCommand } from '../cli/base.ts';
import type { Printed } from '../output/index.ts';
import { choiceOf, keepChoice } from '../settings/index.ts';

export default class Use extends PtCommand {
  static override summary = 'Choose a network or a profile for every command from now on';
  static override description =
    'Written into config.yaml in PT_HOME. A flag, the environment and .env still win, which is said. Without a name: what is chosen, and where.';
  static override examples = [
    '<%= config.bin %> use sandbox',
    '<%= config.bin %> use 6.0',
    '<%= config.bin %> use --none',
  ];
  static override args = { name: Args.string({ description: 'Network, ws:// address, or profile' }) };
  static override flags = {
    none: Flags.boolean({ summary: 'Forget both choices' }),
  };

  async run(): Promise<Printed<'use'>> {
    const { args, flags } = await this.parse(Use);
    const before = await this.settings({});
    const changes = args.name !== undefined || flags.none === true;
    const choice = args.name === undefined ? null : choiceOf(args.name, before);
    const file = changes ? await keepChoice(before.home, choice) : null;
    const { rows } = await this.settings({});
    const row = (key: string) => rows.find((each) => each.key === key)!;
    const [network, profile] = [row('network'), row('profile')];
    this.table(
      [{ title: 'setting' }, { title: 'value', narrow: 'under' }, { title: 'from', narrow: 'under' }],
      [network, profile].map(({ key, value, origin }) => [key, value, origin]),
    );
    if (choice !== null) {
      const { origin } = row(choice.key);
      if (/^environment |\.env:\d+$/.test(origin))
        this.warning(`${origin} says otherwise, and wins over config.yaml.`);
      else this.success(`${choice.key} is ${choice.value} from now on.`);
    }
    this.nextSteps(changes && choice !== null ? ['pt config show', 'pt use --none'] : ['pt config show']);
    const told = ({ value, origin }: typeof network) => ({ value: String(value), origin });
    return { network: told(network), profile: told(profile), file };
  }
}
