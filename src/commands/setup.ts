import { findPython, provePython, setupPython } from '../bridge/index.ts';
import { Flags, PtCommand } from '../cli/base.ts';
import type { Printed } from '../output/index.ts';

export default class Setup extends PtCommand {
  static override summary = 'Make the Python environment of the trainer, or find it ready';
  static override description =
    'The environment lies in the cache folder (XDG_CACHE_HOME) and is shared by every copy of pt with the same requirements. PT_PYTHON names another interpreter and skips it.';
  static override examples = ['<%= config.bin %> setup', '<%= config.bin %> setup --check'];
  static override flags = {
    check: Flags.boolean({ summary: 'Only say whether it is there; change nothing' }),
    'flash-attn': Flags.boolean({
      summary: 'Also build flash-attn (needs the CUDA compiler; up to an hour)',
      exclusive: ['check'],
    }),
  };

  async run(): Promise<Printed<'setup'>> {
    const { flags } = await this.parse(Setup);
    const python = flags.check
      ? await this.#found()
      : await this.work(setupPython({ flashAttn: flags['flash-attn'] }));
    const from = python.source === 'managed' ? 'its own environment' : python.source;
    this.success(`Python ${python.version} is ready (${from}: ${python.python}).`);
    this.nextSteps(['pt train --offline']);
    return { python: python.python, version: python.version, source: python.source };
  }

  /** Only one that training takes counts as found. */
  async #found() {
    const python = await findPython();
    await provePython(python);
    return python;
  }
}
