import { PtCommand } from '../../cli/base.ts';
import type { Printed } from '../../output/index.ts';
import { sandboxDir, stopSandbox } from '../../sandbox/index.ts';

export default class SandboxStop extends PtCommand {
  static override summary = 'Stop the sandbox; its state is kept';

  async run(): Promise<Printed<'sandbox:stop'>> {
    await this.parse(SandboxStop);
    const { home } = await this.settings({});
    const stopped = await stopSandbox(sandboxDir(home));
    this.success(stopped ? 'The sandbox has stopped.' : 'No sandbox was running.');
    this.nextSteps([
      'pt sandbox start --detach',
      'pt sandbox reset   # wipes its chain, repositories and wallet',
    ]);
    return { stopped };
  }
}
