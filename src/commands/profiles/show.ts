import { Args, networkFlags, PtCommand } from '../../cli/base.ts';
import { profileNamed } from '../../constants.ts';
import type { Printed } from '../../output/index.ts';
import { describeProfile } from '../../rules/index.ts';
import { shellWord } from '../../text/shell-word.ts';

export default class ProfilesShow extends PtCommand {
  static override summary = 'One profile: its text on chain, its rules, what pt can and cannot judge there';
  static override examples = [
    '<%= config.bin %> profiles show teutonic',
    '<%= config.bin %> profiles show albedo --json',
  ];
  static override args = { profile: Args.string({ description: 'Its name', required: true }) };
  static override flags = { profiles: networkFlags.profiles };

  async run(): Promise<Printed<'profiles:show'>> {
    const { args, flags } = await this.parse(ProfilesShow);
    const { constants } = await this.settings({ ...flags, profile: 'history' }); // which reads none: a broken one stops nothing here
    const profile = profileNamed(constants, args.profile);
    this.warnReplaced(constants, args.profile);
    const summary = describeProfile(args.profile, profile);
    const { source, judged, notJudged } = summary;
    const rows: [string, string][] = [
      ['subnet', `${summary.netuid}, ${summary.title}`],
      ['pays for', summary.paysFor ?? 'not said'],
      ['commitment', summary.sealed ? `sealed, opened ${summary.reveal}` : 'plain'],
      ['text', `${summary.text} (at most ${summary.maxBytes} bytes)`],
      ['pin', summary.pin],
      ['decides', summary.scoring],
      ['source', source === null ? 'none named' : `${source.repo}@${source.commit}, ${source.date}`],
      ...judged.map((what, i): [string, string] => [i === 0 ? 'judged' : '', what]),
      ...notJudged.map((what, i): [string, string] => [i === 0 ? 'not judged here' : '', what]),
    ];
    this.table([{ title: args.profile }, { title: '', narrow: 'wrap' }], rows);
    const name = shellWord(args.profile);
    this.nextSteps([`pt status --profile ${name}`, `pt check DIR --profile ${name}`]);
    return { ...summary, profile };
  }
}
