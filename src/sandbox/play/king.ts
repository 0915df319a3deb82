/** The king of a sandbox that plays a profile: a tiny model on its Hub, named on its chain by a text that is revealed already. */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findPython, runScript } from '../../bridge/index.ts';
import { writeJson } from '../../host/write-file.ts';
import { createHub } from '../../hub/index.ts';
import { openFolder, planFolder } from '../../model/index.ts';
import { finish } from '../../progress.ts';
import { commitmentFor, givenFields, type Profile, sealedPlaintext } from '../../rules/index.ts';
import { Secret } from '../../secret.ts';
import type { ChainSandbox } from '../chain/index.ts';

export interface King {
  hotkey: string;
  repo: string;
  commit: string;
}

/** A folder with the king's model; made once by Python, kept in `dir`. Throws `python.not_set_up` (7) and what the script says. */
export async function kingModel(
  dir: string,
  config: Record<string, unknown>,
  texts: Record<string, string>,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const folder = join(dir, 'model');
  const made = join(dir, 'made.json');
  if (existsSync(made)) return folder;
  const python = await findPython(env);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, 'king.json');
  await writeJson(file, { king: config, folder, texts, run_dir: dir });
  const request = { python, script: 'make_king.py', config: file, runDir: dir, env: null };
  const events = runScript(request);
  for (let next = await events.next(); ; next = await events.next())
    if (next.done) {
      await writeJson(made, next.value);
      return folder;
    }
}

export const kingConfig = (folder: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));

/** Uploads the model, puts its text on chain as if its seal had been opened, and pays it all. */
export async function enthrone(
  folder: string,
  { hotkey, repo }: Pick<King, 'hotkey' | 'repo'>,
  {
    profile,
    chain,
    hub: endpoint,
    token,
  }: { profile: Profile; chain: ChainSandbox; hub: string; token: string },
): Promise<King> {
  const hub = createHub({ endpoint, token: new Secret(token), loopbackOnly: true });
  const plan = await finish(
    planFolder(await openFolder(folder, profile), { dtype: 'bf16', unchecked: true }),
  );
  await hub.createRepo(repo, { private: false });
  const { commit } = await finish(
    hub.upload({ repo, files: plan.files, message: 'The king', createPrivate: false }),
  );
  const text = commitmentFor(profile, {
    repo,
    commit,
    contentHash: plan.contentHash,
    hotkey,
    fields: madeUp(profile),
  });
  const uid = chain.register(hotkey);
  if (profile.commit.mode === 'timelock') chain.reveal(hotkey, sealedPlaintext(text));
  else chain.write(hotkey, text);
  chain.setIncentive({ [uid]: 1 });
  return { hotkey, repo, commit };
}

/** Values of the fields that only a miner knows: those that must be there, and what stands in a place of its own. */
function madeUp(profile: Profile): Record<string, string> {
  const own = givenFields(profile).filter(({ needed }) => needed || profile.commit.format.kind === 'join');
  return Object.fromEntries(own.map(({ name, flag }) => [name, flag === '--competition' ? '0' : 'king']));
}
