import { Flags } from '../cli/base.ts';
import { LoadCommand, loadFlags } from '../cli/load-command.ts';
import { UserError } from '../errors.ts';
import type { LoadSource } from '../load/index.ts';
import type { Printed } from '../output/index.ts';
import { parseRepoRef } from '../rules/index.ts';

export default class Load extends LoadCommand {
  static override summary = "Download and verify one miner's model, or any repository";
  static override examples = [
    '<%= config.bin %> load --uid 12 --dir their-model',
    '<%= config.bin %> load --repo someone/model@0123456789abcdef0123456789abcdef01234567',
  ];
  static override flags = {
    uid: Flags.integer({
      summary: 'Miner, by uid on the subnet (needed, or --repo)',
      min: 0,
      max: 65_535,
      aliases: ['load-uid'],
      exactlyOne: ['uid', 'repo'],
    }),
    repo: Flags.string({
      summary: 'Repository on the Hub, ID or ID@COMMIT (the newest commit)',
      aliases: ['hf-repo-id'],
    }),
    ...loadFlags,
  };

  async run(): Promise<Printed<'load'>> {
    const { flags } = await this.parse(Load);
    return this.load(flags, sourceOf(flags));
  }
}

function sourceOf({ uid, repo }: { uid?: number; repo?: string }): LoadSource {
  if (uid !== undefined) return { kind: 'uid', uid };
  const ref = parseRepoRef(repo ?? '');
  if (ref) return { kind: 'repo', repo: ref.repo, revision: ref.revision };
  throw new UserError(
    'repo.invalid',
    `--repo ${JSON.stringify(repo)}: must be namespace/name or namespace/name@commit.`,
    {
      nextSteps: ['pt load --repo someone/model'],
    },
  );
}
