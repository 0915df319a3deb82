import { PtCommand } from '../../cli/base.ts';
import type { Printed } from '../../output/index.ts';
import { sandboxOutput } from '../../output/sandbox.ts';
import { sandboxDir, sandboxStatus } from '../../sandbox/index.ts';

export default class SandboxStatus extends PtCommand {
  static override summary = 'Say whether the sandbox runs, and where';

  async run(): Promise<Printed<'sandbox:status'>> {
    await this.parse(SandboxStatus);
    const { home } = await this.settings({});
    const dir = sandboxDir(home);
    const running = await sandboxStatus(dir);
    if (running === null) {
      this.print('not running');
      this.nextSteps(['pt sandbox start --detach']);
      return sandboxOutput(dir, null);
    }
    const { chain, hub, netuid, spec, fork, block, wallet, plays, pid } = running;
    this.table(
      [{ title: 'sandbox' }, { title: 'value', narrow: 'wrap' }],
      [
        ['chain', chain],
        ['hub', hub],
        ['netuid', netuid],
        fork === null ? ['spec', spec ?? '?'] : ['fork of', fork],
        ['block', block ?? 'the chain does not answer'],
        ['wallet', `${wallet.name}/${wallet.hotkey}`],
        ['hotkey', wallet.ss58],
        ['wallet path', wallet.path],
        ...(plays ? [['plays', `${plays.of}, as ${plays.profile}`]] : []),
        ['process', pid],
      ],
    );
    const output = sandboxOutput(dir, running);
    if (output.throne) {
      this.note(`King: ${output.throne.king ?? 'nobody'}`);
      this.table(
        [
          { title: 'uid' },
          { title: 'block' },
          { title: 'repository' },
          { title: 'outcome' },
          { title: 'why' },
        ],
        output.throne.verdicts.map(({ uid, block, repo, outcome, reason }) => [
          uid,
          block,
          repo ?? '',
          outcome,
          reason,
        ]),
      );
    }
    return output;
  }
}
