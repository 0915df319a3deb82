import { rm } from 'node:fs/promises';
import { CheckError } from '../errors.ts';
import { checkAccount, openPublishPlace, type PublishPlace, type PublishRequest } from '../publish/index.ts';
import { checkModel, chooseCompetition, competitionsAt, parseRepoId } from '../rules/index.ts';
import type { Settings } from '../settings/index.ts';
import { type PublishIntent, plannedFacts } from '../training/index.ts';
import { askPassword } from '../ui/prompt.ts';

/** What the flags of `pt train` say about the publish at its end. */
export interface PublishSwitches {
  'use-hotkey-in-hash'?: boolean;
  'update-repo-visibility'?: boolean;
  ask: PublishRequest['ask'];
}

/** Opens chain, Hub and hotkey for a publish of `intent`; the caller closes it. */
export function openPlace(settings: Settings): Promise<PublishPlace & { close(): Promise<void> }> {
  return openPublishPlace(settings, () => askPassword(`Password of hotkey ${settings.wallet.hotkey}:`));
}

/** Refuses now what could not be published hours later: token, repository id, registration. Throws as `publish` does; gives the chain's block. */
export async function checkEarly(
  settings: Settings,
  intent: PublishIntent,
  switches: PublishSwitches,
): Promise<number> {
  parseRepoId(settings.constants.profiles[settings.profile], intent.repo);
  const place = await openPlace(settings);
  try {
    await checkAccount(requestFor(settings, intent, '', switches), place);
    return await place.chain.block();
  } finally {
    await place.close();
  }
}

/**
 * Refuses a run whose model validators would not take, whatever its loss, and removes its folder. Throws `CheckError` `check.rejected`.
 * What cannot be told before training (a recipe in Python, a class not known here) is left to the publish.
 */
export async function refuseUnpublishable(
  { constants, network, profile: name, competition: id }: Settings,
  { dtype }: PublishIntent,
  runDir: string,
  block: number,
): Promise<void> {
  const profile = constants.profiles[name];
  const facts = await plannedFacts(runDir, profile, dtype);
  if (facts === null) return;
  const open = competitionsAt(constants.schedules[network.schedule]!, block, profile);
  const competition = chooseCompetition(open, { id, parameters: facts.parameters });
  const findings = checkModel(facts, competition, profile, constants.tokenizers[competition.tokenizer]);
  const refused = findings.filter((finding) => finding.ok === false);
  if (refused.length === 0) return;
  await rm(runDir, { recursive: true, force: true });
  throw new CheckError(
    'check.rejected',
    `Validators would refuse the model of this run. ${refused.map(({ rule, message }) => `${rule}: ${message}`).join(' ')}`,
    {
      details: { findings: refused },
      nextSteps: [
        `pt train --recipe NAME   # one of ${Object.keys(constants.recipes).join(', ')}`,
        'pt competitions',
        'Leave out --hf-repo-id to train without publishing.',
      ],
    },
  );
}

export function requestFor(
  settings: Settings,
  intent: PublishIntent,
  dir: string,
  switches: PublishSwitches,
  signal?: AbortSignal,
): PublishRequest {
  return {
    source: { kind: 'folder', dir, dtype: intent.dtype },
    repo: intent.repo,
    netuid: settings.netuid,
    competition: settings.competition,
    useHotkeyInHash: switches['use-hotkey-in-hash'] ?? false,
    makePublic: switches['update-repo-visibility'] !== false,
    publicUpload: false,
    wait: false,
    restart: false,
    ask: switches.ask,
    ...(signal === undefined ? {} : { signal }),
  };
}
