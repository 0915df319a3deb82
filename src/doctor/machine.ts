import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { isOurs, OWN_NAME, onPath } from '../host/called-as.ts';
import { freeSpace, nearestFolder } from '../host/free-space.ts';
import { competitionLabel, isBound, newestPeriod, scheduleNamed } from '../rules/index.ts';
import type { Settings } from '../settings/index.ts';
import { shellWord } from '../text/shell-word.ts';
import { type Check, failure, ok, warning } from './types.ts';

const OLDEST_NODE = 22;
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 10e9 ? 1 : 0)} GB`;

export function checkNode(): Check {
  const { node } = process.versions;
  return Number.parseInt(node, 10) >= OLDEST_NODE
    ? ok('Node', node)
    : failure('Node', `${node} is older than ${OLDEST_NODE}`, 'npm install   # brings the right one');
}

/** Whether `pt`, as pages and messages write it, is this tool where the user's shell looks. */
export function checkName(env: NodeJS.ProcessEnv): Check {
  const found = onPath('pt', env);
  if (found === null)
    return ok('command', `no pt on the PATH; ${OWN_NAME} and npx ${OWN_NAME} mean the same`);
  if (isOurs(found)) return ok('command', found);
  return warning(
    'command',
    `pt on the PATH (${found}) is another program; ${OWN_NAME} is always this one`,
    onPath(OWN_NAME, env) === null ? `npx ${OWN_NAME} doctor` : `${OWN_NAME} doctor`,
  );
}

/** Room for what a competition's largest model needs: the weights, the copy for upload, and two checkpoints with optimizer state. */
export async function checkDisk(settings: Settings): Promise<Check> {
  const { home, constants: rules, network } = settings;
  const folder = await nearestFolder(home);
  try {
    await access(folder, constants.W_OK);
  } catch {
    return failure(
      'disk',
      `${home} cannot be written`,
      `ls -ld ${shellWord(folder)}`,
      'export PT_HOME=/a/folder/of/yours',
    );
  }
  const free = await freeSpace(folder);
  const { competitions } = newestPeriod(scheduleNamed(rules, network.schedule));
  const bounded = competitions.filter((each) => isBound(each.max_bytes));
  if (bounded.length === 0)
    return ok('disk', `${gigabytes(free)} free; how large a model may be is not said`);
  const largest = bounded.reduce((a, b) => (b.max_bytes > a.max_bytes ? b : a));
  const needed = largest.max_bytes * 4;
  const said = `${gigabytes(free)} free; a full run of ${competitionLabel(largest)} may take ${gigabytes(needed)}`;
  return free >= needed
    ? ok('disk', said)
    : warning('disk', said, 'pt train --recipe tiny   # needs under 1 GB', 'export PT_HOME=/a/larger/disk');
}
