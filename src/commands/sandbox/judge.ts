import { COUNT, Flags, networkFlags, PtCommand } from '../../cli/base.ts';
import { UserError } from '../../errors.ts';
import type { Printed } from '../../output/index.ts';
import { readSandboxState, sandboxDir } from '../../sandbox/index.ts';
import { sandboxNotRunning } from '../../settings/index.ts';

export default class SandboxJudge extends PtCommand {
  static override summary = 'One round of the validator of a sandbox that plays a subnet';
  static override description =
    `Reads what the chain has opened, refuses what that subnet refuses, scores the others beside the king on the built-in
text, and pays who wins. Each text is judged once; \`pt sandbox status\` shows what became of it.`;
  static override examples = ['<%= config.bin %> sandbox judge'];
  static override flags = {
    profiles: networkFlags.profiles,
    pages: Flags.integer({
      summary: 'Pages of text for each model (a small fixed number of sequences)',
      ...COUNT,
      min: 1,
    }),
  };

  async run(): Promise<Printed<'sandbox:judge'>> {
    const { flags } = await this.parse(SandboxJudge);
    const settings = await this.settings({ profiles: flags.profiles, network: 'sandbox' });
    const dir = sandboxDir(settings.home);
    const state = readSandboxState(dir);
    if (!state) throw sandboxNotRunning();
    const { plays, chain } = state;
    if (!plays)
      throw new UserError('sandbox.plays_nothing', 'This sandbox plays no subnet: nothing is judged there.', {
        nextSteps: ['pt sandbox stop', 'pt sandbox start --detach --profile albedo', 'pt profiles'],
      });
    const { judge } = await import('../../judge/index.ts');
    const place = await this.place(settings);
    const throne = await this.work(
      judge({ dir, chain, plays, pages: flags.pages ?? null, signal: this.signal }, place),
    );
    this.table(
      [{ title: 'uid' }, { title: 'block' }, { title: 'repository' }, { title: 'outcome' }, { title: 'why' }],
      throne.verdicts.map(({ uid, block, repo, outcome, reason }) => [
        uid,
        block,
        repo ?? '',
        outcome,
        reason,
      ]),
    );
    this.success(throne.king === null ? 'Nobody is king.' : `The king is ${throne.king}.`);
    this.nextSteps(['pt status --network sandbox']);
    return throne;
  }
}
