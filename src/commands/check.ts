import { checkTarget, openCheckPlace, parseTarget } from '../check/index.ts';
import { EXIT } from '../errors.ts';
import { Args, Flags, hubFlags, networkFlags, PtCommand, walletFlags } from './base.ts';

export default class Check extends PtCommand {
  static override summary = 'Say whether validators would accept a model, and why not';
  static override examples = [
    '<%= config.bin %> check runs/my-run/best',
    '<%= config.bin %> check someone/model@0123456789012345678901234567890123456789',
    '<%= config.bin %> check DIR --block 3000000',
  ];
  static override args = {
    model: Args.string({
      description: 'Model folder, or NAMESPACE/NAME[@COMMIT] on the Hub',
      required: true,
    }),
  };
  static override flags = {
    ...networkFlags,
    ...walletFlags,
    ...hubFlags,
    block: Flags.integer({ summary: 'Ask about this block instead of now', min: 0 }),
    hash: Flags.boolean({ summary: 'Hash local weights of any size' }),
  };

  async run() {
    const { flags, args } = await this.parse(Check);
    const target = await parseTarget(args.model);
    const settings = await this.settings(flags);
    const verdict = await this.work(
      checkTarget(
        {
          target,
          block: flags.block ?? null,
          competition: settings.competition,
          netuid: settings.netuid,
          hash: flags.hash,
          signal: this.signal,
        },
        await openCheckPlace(settings),
      ),
    );
    const source = { flag: 'as asked', chain: "the chain's", schedule: "the schedule's newest" };
    this.note(
      `Rules of profile ${verdict.profile} at block ${verdict.block} (${source[verdict.blockSource]}), release ${verdict.release}, competition ${verdict.competition}.`,
    );
    this.table(
      [{ title: '' }, { title: 'rule' }, { title: 'finding' }],
      verdict.findings.map((f) => [f.ok === null ? 'note' : f.ok ? 'ok' : 'NO', f.rule, f.message]),
    );
    if (verdict.accepted) {
      this.success('Validators would accept this model.');
      this.nextSteps([
        target.kind === 'folder'
          ? `pt upload --load-model-dir ${target.dir} --hf-repo-id NAMESPACE/NAME`
          : `pt load --repo ${verdict.repo}@${verdict.commit}`,
      ]);
    } else {
      this.exitCode = EXIT.check;
      this.warning('Validators would refuse this model.');
      this.nextSteps(['pt competitions', 'pt check DIR --block N --competition ID']);
    }
    return verdict;
  }
}
