import { networkFlags, PtCommand } from '../../cli/base.ts';
import { EXIT } from '../../errors.ts';
import type { Printed } from '../../output/index.ts';
import { describeProfiles } from '../../rules/index.ts';

export default class Profiles extends PtCommand {
  static override summary =
    'The subnets that pt knows, each a file: how they are written to, and what is judged here';
  static override description =
    'A profile says how one subnet writes its commitments, what pins a model, what its validators ask for and how they decide. Another file in constants/profiles/, or in the folder that --profiles names, makes another.';
  static override examples = ['<%= config.bin %> profiles', '<%= config.bin %> profiles --json'];
  static override flags = { profiles: networkFlags.profiles };

  async run(): Promise<Printed<'profiles'>> {
    const { flags } = await this.parse(Profiles);
    const { constants } = await this.settings({ ...flags, profile: 'history' }); // which reads none: a broken one stops nothing here
    const { profiles, broken } = describeProfiles(constants);
    this.table(
      [
        { title: 'profile' },
        { title: 'netuid' },
        { title: 'commitment' },
        { title: 'pin', narrow: 'under' },
        { title: 'read' },
        { title: 'pays for', narrow: 'wrap' },
      ],
      profiles.map(({ name, netuid, sealed, pin, source, paysFor }) => [
        name,
        netuid,
        sealed ? 'sealed' : 'plain',
        pin,
        source?.date ?? '-',
        paysFor ?? '-',
      ]),
    );
    this.nextSteps(['pt profiles show NAME', 'pt status --profile NAME']);
    for (const error of broken) this.warning(error.message);
    if (broken.length > 0) this.exitCode = EXIT.usage;
    return { profiles, broken: broken.map(({ message }) => message) };
  }
}
