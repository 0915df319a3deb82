import { EXIT, UserError } from '../errors.ts';
import type { HubUser } from '../hub/index.ts';
import type { ModelFacts } from '../model/index.ts';
import {
  type Competition,
  checkModel,
  chooseCompetition,
  competitionsAt,
  type Finding,
  parseRepoId,
} from '../rules/index.ts';
import { shellWord } from '../text/shell-word.ts';
import { chainText } from './chain-text.ts';
import type { Opened, PublishRequest } from './types.ts';

const NO_FILE = { path: '0.onnx', size: 0, sha256: '0'.repeat(64) };
const NO_HASH = `${'A'.repeat(43)}=`;

/**
 * Everything that can be refused before a file is read: repository id and length of the chain string, subnet, registration, token (which
 * only what goes to a Hub needs).
 * Throws `UserError` (`repo.invalid`, `commitment.invalid`: 2; `hotkey.not_registered`, `token.*`: 4).
 */
export async function checkAccount(request: PublishRequest, place: Opened): Promise<{ uid: number }> {
  const { namespace } = parseRepoId(place.profile, request.repo);
  const contentHash = request.source.kind === 'elsewhere' ? null : NO_HASH;
  chainText(request, place, { contentHash, competition: 0, files: [NO_FILE] });
  const uid = await registeredUid(request, place);
  if (request.source.kind === 'elsewhere') return { uid };
  const me = await place.hub.whoami();
  if (me.canWrite === false) {
    throw new UserError('token.read_only', `The Hub token of ${me.name} may only read (HF_ACCESS_TOKEN).`, {
      exitCode: EXIT.wallet,
      nextSteps: [
        `Make a token with write access at ${place.hub.endpoint}/settings/tokens and put it into .env.`,
      ],
    });
  }
  if (me.writes) {
    refuseWithoutRight(request.repo, namespace, { ...me, writes: me.writes }, place);
    return { uid };
  }
  const own = [me.name, ...me.orgs].map((name) => name.toLowerCase());
  // The sandbox's token may write everywhere, which its Hub says with `*`.
  if (!own.includes(namespace.toLowerCase()) && !own.includes('*')) {
    throw new UserError(
      'token.other_namespace',
      `--hf-repo-id ${request.repo}: the Hub token belongs to ${me.name}, who cannot write under ${namespace}.`,
      { exitCode: EXIT.wallet, nextSteps: [`--hf-repo-id ${me.name}/${request.repo.split('/')[1]}`] },
    );
  }
  return { uid };
}

/** A fine-grained token may write to what it names: the owner, or this one repository. */
function refuseWithoutRight(
  repo: string,
  namespace: string,
  me: HubUser & { writes: string[] },
  { hub }: Opened,
): void {
  const named = me.writes.map((name) => name.toLowerCase());
  if ([repo, namespace].some((name) => named.includes(name.toLowerCase()))) return;
  const where = named.length === 0 ? 'to nothing' : `only to ${me.writes.slice(0, 5).join(', ')}`;
  throw new UserError(
    'token.no_write_right',
    `--hf-repo-id ${repo}: the fine-grained Hub token of ${me.name} (HF_ACCESS_TOKEN) may write ${where}.`,
    {
      exitCode: EXIT.wallet,
      nextSteps: [
        `Give it "Write access to contents/settings of all repos under" ${namespace}: ${hub.endpoint}/settings/tokens`,
        'Or make a token of the kind "Write" there, and put it into .env as HF_ACCESS_TOKEN.',
      ],
    },
  );
}

async function registeredUid(request: PublishRequest, { chain, hotkey }: Opened): Promise<number> {
  const { netuid } = request;
  if (!(await chain.subnetExists(netuid))) {
    throw new UserError('netuid.missing', `--netuid ${netuid}: ${chain.endpoint} has no such subnet.`, {
      nextSteps: ['pt status --netuid 9'],
    });
  }
  const uid = await chain.uidOf(netuid, hotkey.ss58);
  if (uid !== null) return uid;
  throw new UserError(
    'hotkey.not_registered',
    `Hotkey ${hotkey.name} (${hotkey.ss58}) is not registered on subnet ${netuid} of ${chain.endpoint}.`,
    {
      exitCode: EXIT.wallet,
      nextSteps: [
        `btcli subnet register --netuid ${netuid} --wallet.hotkey ${shellWord(hotkey.name)}`,
        'pt wallet show   # or choose another with --wallet-hotkey',
      ],
    },
  );
}

/** The competition meant by `--competition` (id or name), or the one that fits, among those in force at `block`. */
export function competitionFor(
  request: PublishRequest,
  { schedule, profile }: Opened,
  block: number,
  parameters: number | null,
): Competition {
  const open = competitionsAt(schedule, block, profile);
  return chooseCompetition(open, { id: request.competition, parameters });
}

/** What the rules say of a model in its competition. */
export function findingsOf(facts: ModelFacts, competition: Competition, place: Opened): Finding[] {
  return checkModel(facts, competition, place.profile, place.tokenizers[competition.tokenizer]);
}
