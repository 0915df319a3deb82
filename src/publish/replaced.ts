import type { Commitment } from '../chain/types.ts';
import { modelIdOf, readText } from '../rules/index.ts';
import { formatChance, formatLoss } from '../text/format.ts';
import { layTable } from '../text/table.ts';
import { readLosses } from './known-losses.ts';
import type { Opened, PublishRequest } from './types.ts';

const WIDTH = 80;
const NONE = '-';

/** What is on chain now and what takes its place, side by side; losses and forecasts only where they were measured here. */
export async function sideBySide(
  old: Commitment,
  { netuid, repo, worth }: Pick<PublishRequest, 'netuid' | 'repo' | 'worth'>,
  { chain, hotkey, profile, home, network }: Opened,
): Promise<string> {
  const neuron = (await chain.neurons(netuid)).find((each) => each.hotkey === hotkey.ss58);
  const scored = neuron && (await readLosses({ home, network, netuid })).get(neuron.uid);
  // Of an earlier commitment, a loss says nothing of this one.
  const known = scored?.block === old.block ? scored : undefined;
  const text = known?.data.join(', ');
  const rows = [
    ['repository', namedBy(old, profile), repo],
    ['block', old.block, NONE],
    ['loss', known ? `${formatLoss(known.loss)} on ${text}` : NONE, lossOf(worth)],
    ['p(win)', NONE, worth?.pWin == null ? NONE : formatChance(worth.pWin)],
    ['incentive', neuron ? `${neuron.incentive.toFixed(4)} (uid ${neuron.uid})` : NONE, NONE],
  ].filter(([, ...sides]) => sides.some((side) => side !== NONE));
  const columns = [{ title: '' }, { title: 'on chain now' }, { title: 'in its place' }];
  return layTable(columns, rows, WIDTH).join('\n');
}

/** The text itself where it names no model: another program, or another profile, wrote it. */
function namedBy({ text }: Commitment, profile: Opened['profile']): string {
  if (text === null) return 'sealed, or no text';
  const read = readText(profile.commit.format, text);
  const id = read.kind === 'read' ? modelIdOf(profile, read.fields) : null;
  return id === null ? text : `${id.namespace}/${id.name}${id.commit ? `@${id.commit.slice(0, 8)}` : ''}`;
}

const lossOf = (worth: PublishRequest['worth']): string =>
  worth?.loss == null ? NONE : `${formatLoss(worth.loss)} on ${worth.on}`;
