import { PtCommand } from '../../cli/base.ts';
import type { Printed } from '../../output/index.ts';
import { resetSandbox, sandboxDir } from '../../sandbox/index.ts';

export default class SandboxReset extends PtCommand {
  static override summary = 'Stop the sandbox and wipe its chain, repositories and throwaway wallet';

  async run(): Promise<Printed<'sandbox:reset'>> {
    await this.parse(SandboxReset);
    const { home } = await this.settings({});
    const dir = sandboxDir(home);
    const wasRunning = await resetSandbox(dir);
    this.success(`Wiped ${dir}.`);
    this.nextSteps(['pt sandbox start --detach']);
    return { reset: true, wasRunning, dir };
  }
}
