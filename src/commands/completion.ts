import { homedir } from 'node:os';
import { Args, Flags, PtCommand } from '../cli/base.ts';
import { completionScript, SHELLS, type Shell } from '../completion/scripts.ts';
import { nameOnPath } from '../host/called-as.ts';
import type { Printed } from '../output/index.ts';
import { shellWord } from '../text/shell-word.ts';

export default class Completion extends PtCommand {
  static override summary = 'Print a completion script for bash, zsh or fish, or install it';
  static override description =
    'Completes commands, flags and their values: networks, recipes, wallets, hotkeys, runs, competitions; with what each is for.';
  static override examples = [
    'eval "$(<%= config.bin %> completion bash)"   # this shell alone',
    '<%= config.bin %> completion zsh --install',
    '<%= config.bin %> completion fish --uninstall',
  ];
  static override args = {
    shell: Args.string({ description: 'bash, zsh or fish; without it that of $SHELL', options: SHELLS }),
  };
  static override flags = {
    install: Flags.boolean({ summary: 'Put it into the file that the shell reads at its start' }),
    uninstall: Flags.boolean({ summary: 'Take it out of there again', exclusive: ['install'] }),
  };

  async run(): Promise<Printed<'completion'>> {
    const { args, flags } = await this.parse(Completion);
    const { installCompletion, shellOf, startFile } = await import('../completion/install.ts');
    const shell = (args.shell as Shell | undefined) ?? shellOf(process.env);
    const program = nameOnPath(process.env);
    const script = completionScript(shell, program);
    if (!flags.install && !flags.uninstall) {
      this.print(script.trimEnd());
      return { shell, script, file: null };
    }
    const file = startFile(shell, process.env, homedir());
    const did = installCompletion(shell, file, flags.install ? program : null);
    if (!flags.install) this.success(did ? `Taken out of ${file}.` : `${file} has none of it.`);
    else {
      this.success(did ? `Written to ${file}.` : `${file} has it already.`);
      this.nextSteps([`. ${shellWord(file)}   # or a new shell`, `pt completion ${shell} --uninstall`]);
    }
    return { shell, script, file };
  }
}
