import {
  BLOCK,
  Flags,
  hubFlags,
  networkFlags,
  notifyFlag,
  PtCommand,
  publishedDtype,
  publishFlags,
  signingFlags,
  writeFlags,
} from '../cli/base.ts';
import { showPlan } from '../cli/upload-steps.ts';
import type { Printed } from '../output/index.ts';
import type { PublishOrder, UploadPlan } from '../publish/index.ts';
import { fieldsIn, publishedName, sourceOf } from '../publish/source.ts';
import { parseRepoId } from '../rules/index.ts';

export default class Upload extends PtCommand {
  static override summary = 'Publish a model: check, upload, commit to the chain, read back, make public';
  static override description =
    'One transaction. Whatever interrupts it, the same command (or --resume) goes on where it stopped; it never commits twice and never ' +
    'leaves a chain entry that points at nothing. The repository is private until the chain holds the commitment.';
  static override examples = [
    '<%= config.bin %> upload --load-model-dir runs/x/best --hf-repo-id me/model --dry-run',
    '<%= config.bin %> upload --load-model-dir runs/x/best --hf-repo-id me/model --network sandbox',
    '<%= config.bin %> upload --commit-only me/model@0123456789abcdef0123456789abcdef01234567',
    '<%= config.bin %> upload --profile cascade --commit-only me/generator@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef --dry-run',
  ];
  static override flags = {
    'load-model-dir': Flags.string({
      summary: 'Model folder: config.json and safetensors (needed, but with --commit-only)',
      aliases: ['dir'],
      helpGroup: 'PUBLISHING',
    }),
    'commit-only': Flags.string({
      summary:
        'Commit what the Hub already holds, REPO@COMMIT, or what a digest pins elsewhere, REPO@PIN (uploads first)',
      helpGroup: 'PUBLISHING',
      exclusive: ['load-model-dir', 'hf-repo-id', 'dtype'],
    }),
    resume: Flags.boolean({
      summary: 'Go on with an interrupted publish; begins one when there is none',
      helpGroup: 'PUBLISHING',
    }),
    restart: Flags.boolean({
      summary: 'Forget an unfinished publish to this repository',
      helpGroup: 'PUBLISHING',
      exclusive: ['resume'],
    }),
    'no-check': Flags.boolean({
      summary: 'Publish although the rules refuse it or cannot judge it; says which, and asks',
      helpGroup: 'PUBLISHING',
    }),
    replace: Flags.boolean({
      summary: 'Also replace a commitment that the same hotkey made since this publish began',
      helpGroup: 'PUBLISHING',
    }),
    blocks: Flags.integer({
      summary: "Sealed profiles: blocks until the reveal (the profile's)",
      helpGroup: 'PUBLISHING',
      ...BLOCK,
      min: 1,
      exclusive: ['round'],
    }),
    round: Flags.integer({
      summary: 'Sealed profiles: the round of the beacon that opens it (the one of --blocks)',
      helpGroup: 'PUBLISHING',
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
    }),
    'wait-reveal': Flags.boolean({
      summary: 'Sealed profiles: wait until the chain has opened the text, and compare it',
      helpGroup: 'PUBLISHING',
    }),
    wait: Flags.boolean({
      summary: "Wait when the chain's limit is used up (otherwise exit 6)",
      helpGroup: 'PUBLISHING',
    }),
    private: Flags.boolean({
      summary: 'Leave the repository private; validators cannot load it then',
      helpGroup: 'PUBLISHING',
      exclusive: ['update-repo-visibility'],
    }),
    'public-upload': Flags.boolean({
      summary: 'Leave a public repository public while uploading',
      helpGroup: 'PUBLISHING',
    }),
    ...publishFlags,
    ...networkFlags,
    ...signingFlags,
    ...hubFlags,
    ...notifyFlag,
    ...writeFlags,
  };

  async run(): Promise<Printed<'upload'>> {
    const { flags } = await this.parse(Upload);
    if (flags['list-competitions']) return this.listCompetitions(flags);
    const settings = await this.settings(flags);
    // What was typed is looked at before wallet, chain and Hub are.
    const place = await this.place(settings);
    const said = {
      dir: flags['load-model-dir'],
      commitOnly: flags['commit-only'],
      repo: settings.hfRepoId,
      dtype: publishedDtype(flags),
    };
    const { source, repo } = sourceOf(said, place.profile);
    parseRepoId(place.profile, repo);
    const order: PublishOrder = {
      source,
      repo,
      useHotkeyInHash: flags['use-hotkey-in-hash'] ?? null,
      fields: fieldsIn(flags.field ?? [], place),
      sealBlocks: flags.blocks ?? null,
      sealRound: flags.round ?? null,
      waitReveal: flags['wait-reveal'] ?? false,
      makePublic: !flags.private && flags['update-repo-visibility'] !== false,
      publicUpload: flags['public-upload'] ?? false,
      wait: flags.wait ?? false,
      replace: flags.replace ?? false,
      restart: flags.restart ?? false,
      noCheck: flags['no-check'] ?? false,
      ask: ({ text }) => this.confirm(text, { yes: flags.yes ?? false }),
      signal: this.signal,
    };
    if (flags['dry-run']) {
      const { previewPublish } = await import('../publish/index.ts');
      return this.#show(await this.work(previewPublish(order, place)));
    }
    const { publishModel, publishNotices } = await import('../runs/index.ts');
    const notifier = await this.notifier(settings);
    const outcome = await this.work(publishModel(order, place));
    for (const notice of publishNotices(outcome)) notifier.tell(notice);
    this.success(`${publishedName(outcome)} is on chain since block ${outcome.block}.`);
    this.print(outcome.commitment);
    this.nextSteps(
      outcome.commit === null
        ? ['pt status --mine']
        : outcome.public
          ? ['pt status --mine', `pt check ${outcome.repo}@${outcome.commit}`]
          : ['The same command without --private   # so that the repository is public'],
    );
    return outcome;
  }

  #show(plan: UploadPlan): UploadPlan {
    showPlan(plan, this.ui);
    this.nextSteps(['The same command without --dry-run']);
    return plan;
  }
}
