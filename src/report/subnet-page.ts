import type { KeptStanding, StatusRow, SubnetStatus } from '../load/index.ts';
import type { KnownLosses } from '../publish/index.ts';
import { formatBytes } from '../text/format.ts';
import type { Assets } from './assets.ts';
import { type Html, html } from './html.ts';
import { pageOf } from './page.ts';
import { type Cell, loss, moment, section, table, whole } from './sections/parts.ts';
import { scatter } from './sections/scatter.ts';
import { standings } from './sections/standings.ts';

export interface SubnetFacts {
  status: SubnetStatus;
  /** What people call the network. */
  network: string;
  profile: string;
  /** Bytes of `repo@commit`; null: not public. */
  sizes: ReadonlyMap<string, number | null>;
  /** What `pt evaluate` found on this machine. */
  losses: KnownLosses;
  /** Where the own hotkey stood, oldest first. */
  standings: readonly KeptStanding[];
  /** Null: unknown, so ages stay in blocks. */
  secondsPerBlock: number | null;
  madeAt: Date;
}

/** A neuron with what is known of its model. */
interface Row extends StatusRow {
  age: number | null;
  /** Undefined: not looked at; null: not public. */
  bytes: number | null | undefined;
  loss: { loss: number; at: string; data: string[] } | null;
}

/** The subnet as one page: a picture of incentive by age, and a table of all neurons to sort. */
export function subnetPage(facts: SubnetFacts, assets: Assets): string {
  const { status, network, profile, madeAt } = facts;
  const rows = status.neurons.map((neuron) => rowOf(neuron, facts));
  const title = `Subnet ${status.netuid} of ${network}`;
  const body = html`<main>
<header>
<p class="over">pt · subnet</p>
<h1>${title}</h1>
<p class="when">Block ${whole(status.block)}, ${moment(madeAt.getTime())}, read with profile ${profile}</p>
</header>
${tiles(rows, facts)}
${picture(rows, facts)}
${standings(facts.standings)}
${section('neurons', 'Neurons', neurons(rows, facts))}
</main>
<footer><p>Made by <code>pt</code>, ${moment(madeAt.getTime())}. One file, no connection: it can be sent and kept as it is. Names are as their owners wrote them on chain.</p></footer>`;
  return pageOf({ title: `${title} · block ${status.block}`, body, data: { kind: 'subnet' } }, assets);
}

function rowOf(neuron: StatusRow, { status, sizes, losses }: SubnetFacts): Row {
  const known = losses.get(neuron.uid);
  return {
    ...neuron,
    age: neuron.block === null ? null : Math.max(0, status.block - neuron.block),
    bytes: sizes.get(`${neuron.repo}@${neuron.commit}`),
    // A loss belongs to a commitment, not to a uid.
    loss: known !== undefined && known.block === neuron.block ? known : null,
  };
}

function tiles(rows: Row[], { status }: SubnetFacts): Html {
  const paid = rows.filter(({ incentive }) => incentive > 0);
  const best = rows.find(({ uid }) => uid === status.bestUid);
  const mine = rows.find(({ hotkey }) => hotkey === status.hotkey);
  const lowest = rows.filter((row) => row.loss !== null).sort((a, b) => a.loss!.loss - b.loss!.loss)[0];
  const { limit } = status;
  const shown = [
    {
      name: 'Best miner',
      value: best ? `uid ${best.uid}` : '–',
      more: best ? `${share(best.incentive)} of the incentive` : 'nobody has a readable model',
      main: true,
    },
    {
      name: 'Neurons',
      value: whole(rows.length),
      more: `${whole(rows.filter((r) => r.repo).length)} with a model`,
    },
    { name: 'Paid', value: whole(paid.length), more: 'with incentive above 0' },
    ...(lowest
      ? [
          {
            name: 'Lowest loss known',
            value: loss(lowest.loss!.loss),
            more: `uid ${lowest.uid}, scored here`,
          },
        ]
      : []),
    ...(status.hotkey === null
      ? []
      : [
          {
            name: 'You',
            value: mine
              ? `uid ${mine.uid}${status.place === null ? '' : `, place ${status.place}`}`
              : 'not registered',
            more:
              limit === null || limit.kind === 'none'
                ? ''
                : status.loss !== null
                  ? 'another commitment would destroy a seal, or end this hotkey'
                  : limit.allowed
                    ? status.retired === null
                      ? 'may commit now'
                      : 'may commit; nothing scores here any more'
                    : `may commit at block ${whole(limit.freeAtBlock)}`,
          },
        ]),
  ];
  return html`<div class="tiles">${shown.map(
    ({ name, value, more, ...rest }) =>
      html`<div class="tile${'main' in rest ? ' main' : ''}"><p>${name}</p><strong>${value}</strong><small>${more}</small></div>`,
  )}</div>`;
}

function picture(rows: Row[], { status, secondsPerBlock }: SubnetFacts): Html | '' {
  const placed = rows.filter((row) => row.age !== null && row.repo !== null);
  if (placed.length === 0) return '';
  return section(
    'picture',
    'Incentive by age of the commitment',
    scatter(
      placed.map((row) => ({
        x: row.age!,
        y: row.incentive,
        size: row.bytes ?? null,
        name: `uid ${row.uid}`,
        about: `${row.repo}: incentive ${share(row.incentive)}, ${ageOf(row.age!, secondsPerBlock)} old${
          row.bytes ? `, ${formatBytes(row.bytes)}` : ''
        }${row.loss ? `, loss ${loss(row.loss.loss)}` : ''}`,
        mine: row.hotkey === status.hotkey,
      })),
    ),
  );
}

function neurons(rows: Row[], { status, secondsPerBlock }: SubnetFacts): Html {
  const most = Math.max(...rows.map(({ incentive }) => incentive), 0);
  const bar = (value: number): Html =>
    html`<svg class="inline-bar" aria-hidden="true" width="64" height="8"><rect class="track" width="64" height="8" rx="4"/><rect class="fill" width="${(most === 0 ? 0 : (64 * value) / most).toFixed(1)}" height="8" rx="4"/></svg>`;
  const cells = (row: Row): (Cell | Html | string | number)[] => [
    {
      show: html`${row.uid}${row.hotkey === status.hotkey ? html` <em class="tag">you</em>` : ''}${row.uid === status.bestUid ? html` <em class="tag good">best</em>` : ''}`,
      sort: row.uid,
    },
    {
      show: html`${bar(row.incentive)}<span class="share">${share(row.incentive)}</span>`,
      sort: row.incentive,
    },
    { show: row.age === null ? '–' : ageOf(row.age, secondsPerBlock), sort: row.age },
    {
      show: row.bytes === undefined ? '–' : row.bytes === null ? 'not public' : formatBytes(row.bytes),
      sort: row.bytes ?? null,
    },
    {
      show: row.loss
        ? html`<span title="scored ${moment(row.loss.at)} on ${row.loss.data.join(', ')}">${loss(row.loss.loss)}</span>`
        : '–',
      sort: row.loss?.loss ?? null,
    },
    { show: modelOf(row), sort: row.repo },
    html`<small class="mono">${row.hotkey}</small>`,
  ];
  return html`${table(
    'All neurons',
    [
      { title: 'uid', numeric: true, sortable: true },
      { title: 'Incentive', numeric: true, sortable: true },
      { title: 'Age', numeric: true, sortable: true },
      { title: 'Size', numeric: true, sortable: true },
      { title: 'Loss', numeric: true, sortable: true },
      { title: 'Model', sortable: true },
      { title: 'Hotkey', sortable: true },
    ],
    rows.map(cells),
  )}
<p class="fine">Age: since the commitment${secondsPerBlock === null ? ', in blocks' : ''}. Size: all files, as the Hub lists them to strangers. Loss: only of models that <code>pt evaluate</code> scored on this machine as they are committed now.</p>`;
}

function modelOf({ repo, commit, commitment, competition, url }: Row): Html | string {
  if (repo === null)
    return commitment === null ? '' : html`<small>not a model: ${commitment.slice(0, 80)}</small>`;
  const name =
    url !== null && /^https?:\/\//.test(url)
      ? html`<a href="${url}" rel="noreferrer noopener">${repo}</a>`
      : html`${repo}`;
  return html`${name}<br><small class="mono">${commit?.slice(0, 12) ?? 'no commit'}${competition === null ? '' : ` · competition ${competition}`}</small>`;
}

const share = (value: number): string => `${(value * 100).toFixed(value > 0 && value < 0.001 ? 3 : 1)}%`;

/** `1,234 blocks`, or `3.2 days` where the length of a block is known. */
function ageOf(blocks: number, seconds: number | null): string {
  if (seconds === null) return `${whole(blocks)} blocks`;
  const hours = (blocks * seconds) / 3600;
  if (hours < 1) return `${Math.round(hours * 60)} min`;
  return hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} days`;
}
