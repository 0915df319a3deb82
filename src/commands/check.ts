import { resolve } from 'node:path';
import {
  type CheckTarget,
  type CheckVerdict,
  checkTarget,
  deepCheck,
  fixFolder,
  parseTarget,
} from '../check/index.ts';
import { Args, BLOCK, Flags, hubFlags, networkFlags, PtCommand, walletFlags } from '../cli/base.ts';
import { notTheFolder } from '../cli/chain-words.ts';
import { uploadStep } from '../cli/upload-steps.ts';
import { EXIT, UserError } from '../errors.ts';
import { checkOutput } from '../output/check.ts';
import type { Printed } from '../output/index.ts';
import type { Place } from '../place.ts';
import { against, describeReasons, type Finding, sentenceOf } from '../rules/index.ts';
import { formatWhole } from '../text/format.ts';
import { shellWord } from '../text/shell-word.ts';

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
    against: Flags.string({
      summary: 'What it is locked to and may be no copy of: king, DIR or NAMESPACE/NAME[@COMMIT] (nothing)',
    }),
    block: Flags.integer({ summary: 'Ask about this block (now)', ...BLOCK }),
    hash: Flags.boolean({ summary: 'Hash local weights of any size' }),
    deep: Flags.boolean({ summary: 'Also load the model in Python, run it and generate from it' }),
    fix: Flags.boolean({
      summary: 'First add what older transformers read to config and tokenizer, in place',
    }),
    device: Flags.string({ summary: 'For --deep: auto, cpu, cuda, cuda:N, mps (auto)', dependsOn: ['deep'] }),
  };

  async run(): Promise<Printed<'check'>> {
    const { flags, args } = await this.parse(Check);
    const target = await parseTarget(args.model);
    const settings = await this.settings(flags);
    const place = await this.place(settings, flags.block ?? null);
    if (flags.fix) await this.#fix(target, place);
    const verdict = await this.#verdict(target, place, flags);
    const printed = checkOutput(verdict);
    const source = { flag: 'as asked', chain: "the chain's", schedule: "the schedule's newest" };
    this.note(
      `Rules of profile ${verdict.profile} at block ${verdict.block} (${source[verdict.blockSource]}), release ${verdict.release}, competition ${printed.competition}.`,
    );
    if (printed.activeParameters !== null && printed.activeParameters !== printed.parameters)
      this.note(
        `A mixture of experts: of ${formatWhole(printed.parameters ?? 0)} parameters a token goes through ${formatWhole(printed.activeParameters)}.`,
      );
    if (printed.against !== null)
      this.note(
        `Held beside ${printed.againstUid === null ? '' : `the king, uid ${printed.againstUid}: `}${printed.against}.`,
      );
    this.table(
      [{ title: '' }, { title: 'rule' }, { title: 'finding', narrow: 'wrap' }],
      verdict.findings.map((f) => [markOf(f), f.rule, f.message]),
    );
    const sentence = sentenceOf(verdict.verdict);
    if (verdict.verdict === 'ready') {
      this.success(sentence);
      this.nextSteps([
        target.kind === 'folder'
          ? await uploadStep(target.dir, settings.hfRepoId)
          : `pt load --repo ${printed.target}`,
      ]);
    } else {
      this.exitCode = EXIT.check;
      // What is against it once more, by itself.
      this.warning([sentence, ...describeReasons(verdict.findings).map((each) => `  ${each}`)].join('\n'));
      this.nextSteps([
        'pt competitions',
        ...(target.kind === 'folder' && !flags.deep ? [`pt check ${shellWord(target.dir)} --deep`] : []),
      ]);
    }
    return printed;
  }

  async #verdict(
    target: CheckTarget,
    place: Place,
    flags: {
      against?: string | undefined;
      block?: number | undefined;
      hash: boolean;
      deep: boolean;
      device?: string | undefined;
    },
  ): Promise<CheckVerdict> {
    const { signal } = this;
    const king = flags.against === undefined ? null : await parseKing(flags.against);
    const shadowed = king?.kind === 'king' ? notTheFolder('king') : null;
    if (shadowed !== null) this.warning(shadowed);
    const request = { target, against: king, block: flags.block ?? null, hash: flags.hash, signal };
    const verdict = await this.work(checkTarget(request, place));
    if (!flags.deep) return verdict;
    return this.work(deepCheck(verdict, folderOf(target, '--deep'), { device: flags.device, signal }, place));
  }

  async #fix(target: CheckTarget, place: Place): Promise<void> {
    const { changed, left } = await this.work(fixFolder(folderOf(target, '--fix'), place, this.signal));
    if (changed.length === 0) this.note('Nothing had to be fixed.');
    for (const change of changed) this.success(`Fixed ${change}.`);
    // Of all pinned releases; which one decides here, the verdict says.
    for (const problem of left) this.warning(`Cannot be fixed: ${problem}.`);
  }
}

/** `king` is what the chain says, whatever folders there are: one of that name is `./king`. */
const parseKing = async (text: string) => (text === 'king' ? ({ kind: 'king' } as const) : parseTarget(text));

/** A finding's mark in the table; those that speak against the model stand out. */
function markOf(finding: Finding): string {
  const said = against(finding);
  if (said !== null) return { refused: 'NO', cannot_score: 'LOST', unknown: '?' }[said];
  return finding.ok ? 'ok' : 'note';
}

function folderOf(target: CheckTarget, flag: string): string {
  if (target.kind === 'folder') return resolve(target.dir);
  throw new UserError(
    'check.remote',
    `${flag} needs the model on this machine; ${target.repo} is on the Hub.`,
    {
      nextSteps: [`pt load --repo ${target.repo}`],
    },
  );
}
