import { sandboxDir, sandboxStatus } from '../../sandbox/index.ts';
import { PtCommand } from '../base.ts';

export default class SandboxStatus extends PtCommand {
  static override summary = 'Say whether the sandbox runs, and where';

  async run() {
    await this.parse(SandboxStatus);
    const { home } = await this.settings({});
    const status = await sandboxStatus(sandboxDir(home));
    if (!status.running) {
      this.print('not running');
      this.nextSteps(['pt sandbox start --detach']);
      return status;
    }
    this.table(
      [{ title: 'sandbox' }, { title: 'value', cut: 'middle' }],
      [
        ['chain', status.chain],
        ['hub', status.hub],
        ['netuid', status.netuid],
        ['block', status.block ?? 'the chain does not answer'],
        ['wallet', `${status.wallet?.name}/${status.wallet?.hotkey}`],
        ['hotkey', status.wallet?.ss58],
        ['wallet path', status.wallet?.path],
        ['process', status.pid],
      ],
    );
    return status;
  }
}
