import { homedir } from 'node:os';
import { hubFlags, PtCommand, subnetFlags, walletFlags } from '../cli/base.ts';
import { EXIT } from '../errors.ts';
import type { Printed } from '../output/index.ts';

const SIGNS = { ok: '✓', warning: '!', failure: '✗', skipped: '-' } as const;

export default class Doctor extends PtCommand {
  static override summary = 'What is wrong with this machine or configuration, and the command that fixes it';
  static override description =
    'Looks at Node, Python, torch, GPU, disk, Hub, token, wallet, chain, registration, clock and sandbox. Nothing secret is shown: the output can be pasted anywhere. Exit code 3 when something fails.';
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor --network sandbox',
    '<%= config.bin %> doctor --offline --json',
  ];
  static override flags = { ...subnetFlags, ...walletFlags, ...hubFlags };

  async run(): Promise<Printed<'doctor'>> {
    const { flags } = await this.parse(Doctor);
    const settings = await this.settings(flags);
    this.note('Looking at this machine, the Hub and the chain …');
    const { examine } = await import('../doctor/index.ts');
    const checks = await examine(settings, await this.place(settings), {
      env: process.env,
      userHome: homedir(),
    });
    this.table(
      [{ title: '' }, { title: 'check' }, { title: 'found', narrow: 'wrap' }],
      checks.map(({ status, name, message }) => [SIGNS[status], name, message]),
    );
    for (const { status, name, message, nextSteps } of checks) {
      if (status !== 'warning' && status !== 'failure') continue;
      this.print(`\n${name}: ${message}`);
      for (const step of this.here(nextSteps)) this.print(`  → ${step}`);
    }
    const failed = checks.filter(({ status }) => status === 'failure').length;
    const warned = checks.filter(({ status }) => status === 'warning').length;
    if (failed > 0) this.exitCode = EXIT.check;
    const counts = `${failed} failed, ${warned} warned, ${checks.length - failed - warned} fine or skipped.`;
    if (failed > 0) this.warning(counts);
    else this.success(counts);
    return { ok: failed === 0, checks };
  }
}
