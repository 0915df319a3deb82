import type { EventOf } from '../../bridge/index.ts';
import { competitionLabel, describeReasons, reasonsAgainst, sentenceOf } from '../../rules/index.ts';
import { formatBytes, formatCount } from '../../text/format.ts';
import { describeCondition, type PublishCondition } from '../../training/index.ts';
import { type Html, html } from '../html.ts';
import { asObject, type Json, type RunReport } from '../run-report.ts';
import { facts, finite, loss, moment, section, table, textOf, whole } from './parts.ts';
import { rate } from './rates.ts';

/** What validators would say of the best model. */
export function check({ check: verdict }: RunReport): Html {
  if (verdict === null) {
    return section(
      'check',
      'Check',
      html`<p class="empty">Not looked at yet: <code>pt report RUN</code> checks the best model, and so does <code>pt check RUN/best</code>.</p>`,
    );
  }
  const against = reasonsAgainst(verdict.findings);
  const notes = verdict.findings.filter((each) => each.ok === null && !against.includes(each)).length;
  return section(
    'check',
    'Check',
    html`<p class="sentence ${verdict.verdict === 'ready' ? 'publish' : 'train'}">${[sentenceOf(verdict.verdict, 'the best model'), ...describeReasons(verdict.findings)].join(' ')}</p>
<ul class="findings">${verdict.findings.map(({ ok, rule, message }) => {
      const kind = ok === null ? 'note' : ok ? 'ok' : 'bad';
      return html`<li class="${kind}"><span class="mark">${{ note: 'note', ok: 'ok', bad: 'no' }[kind]}</span><span><b>${rule.replaceAll('_', ' ')}</b> ${message}</span></li>`;
    })}</ul>
<p class="fine">Rules of profile ${verdict.profile} at block ${whole(verdict.block)} (release ${verdict.release}, competition ${verdict.competition ? competitionLabel(verdict.competition) : (verdict.asked ?? 'none')}), from config and headers${notes > 0 ? '; notes do not decide' : ''}.</p>`,
  );
}

/** Whether, where and when it was published. */
export function publishing({ state }: RunReport): Html {
  const rows = publications(state);
  const intent = asObject(state.intent);
  const when = asObject(intent.when);
  const conditions = [
    ...(finite(intent.threshold) === null ? [] : [`the held-out loss is under ${intent.threshold}`]),
    ...(finite(when.pWin) === null ? [] : [describeCondition(when as unknown as PublishCondition)]),
  ];
  const wish = textOf(intent.repo)
    ? html`<p>Meant for <code>${intent.repo as string}</code>${conditions.length === 0 ? '' : `, when ${conditions.join(' and ')}`}.</p>`
    : '';
  return section(
    'publishing',
    'Publishing',
    rows.length === 0
      ? html`${wish}<p class="empty">Not published. <code>pt upload --load-model-dir RUN/best --hf-repo-id NAMESPACE/NAME</code></p>`
      : html`${wish}${table(
          'Publish history',
          [
            { title: 'When' },
            { title: 'Block', numeric: true },
            { title: 'Repository' },
            { title: 'Visible' },
            { title: 'Content hash' },
            { title: 'Hotkey' },
          ],
          rows.map((row) => [
            moment(row.at) || '–',
            whole(row.block),
            html`${textOf(row.repo) ?? '–'}<br><small class="mono">${textOf(row.commit)?.slice(0, 12) ?? ''}</small>`,
            row.public === true ? 'public' : 'private',
            html`<small class="mono">${textOf(row.contentHash) ?? '–'}</small>`,
            html`<small class="mono">${textOf(row.hotkey) ?? '–'}</small>`,
          ]),
        )}`,
  );
}

/** Newest first; a run of an earlier version knows only the last one. */
function publications(state: RunReport['state']): Json[] {
  const { publications: all, published } = state as Json;
  if (Array.isArray(all) && all.length > 0) return all.map(asObject).toReversed();
  return published ? [asObject(published)] : [];
}

const peakRate = (value: unknown): number | null => (finite(value) === null ? null : rate(value as number));

/** The model and how it was trained. */
export function model({ collected, config, dir, rates }: RunReport): Html {
  const start: Partial<EventOf<'start'>> = collected.start ?? {};
  const recipe = asObject(config.recipe);
  const shape = asObject(recipe.architecture);
  const optimizer = asObject(recipe.optimizer);
  const schedule = asObject(recipe.schedule);
  const versions = asObject(start.versions);
  const source = asObject(config.source);
  const competition = asObject(config.competition);
  const data = Array.isArray(config.data) ? config.data.map(asObject) : [];
  const parameters = finite(start.parameters);
  return section(
    'model',
    'Model and training',
    html`${facts([
      ['Architecture', textOf(start.architecture)],
      ['Parameters', parameters === null ? null : `${whole(parameters)} (${formatCount(parameters)})`],
      [
        'Started from',
        source.kind === 'recipe'
          ? 'random weights of the recipe'
          : (textOf(source.path) ?? textOf(source.kind)),
      ],
      ['Recipe', [textOf(recipe.name), textOf(recipe.description)].filter(Boolean).join(': ')],
      [
        'Competition',
        textOf(competition.name) ?? (finite(competition.id) === null ? null : `id ${competition.id}`),
      ],
      [
        'Data',
        data
          .map(
            ({ name, weight }) =>
              `${textOf(name) ?? '?'}${data.length > 1 ? ` × ${finite(weight) ?? '?'}` : ''}`,
          )
          .join(', ') || null,
      ],
      ['Tokenizer', textOf(recipe.tokenizer)],
      ['Sequence length', finite(config.sequence_length) ?? finite(recipe.sequence_length)],
      ['Tokens a step', start.tokens_per_step === undefined ? null : whole(start.tokens_per_step)],
      ['Optimizer', textOf(config.optimizer) ?? textOf(optimizer.name)],
      ['Peak learning rate', peakRate(rates?.lr ?? start.peak_lr ?? config.lr)],
      ['Schedule', textOf(config.schedule) ?? textOf(schedule.name)],
      ['Seed', finite(config.seed)],
      [
        'Machine',
        [textOf(start.device_name) ?? textOf(start.device), countOf(start.world_size)]
          .filter(Boolean)
          .join(', '),
      ],
      [
        'Precision',
        [
          textOf(start.dtype),
          start.attention && `attention ${start.attention}`,
          start.compile === true && 'compiled',
        ]
          .filter(Boolean)
          .join(', '),
      ],
      [
        'Software',
        Object.entries(versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
      [
        'Unigram entropy of the held-out text',
        start.unigram_entropy === undefined ? null : loss(start.unigram_entropy),
      ],
      ['Most memory', collected.series.memory.max === null ? null : formatBytes(collected.series.memory.max)],
      ['Run folder', dir],
    ])}
${Object.keys(shape).length === 0 ? '' : html`<details><summary>Architecture as the recipe gives it</summary>${facts(Object.entries(shape).map(([name, value]) => [name, show(value)]))}</details>`}`,
  );
}

const countOf = (processes: unknown): string | null => {
  const count = finite(processes);
  return count === null || count < 2 ? null : `${count} processes`;
};

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value)) ?? '';

/** Every setting and where it came from; those that somebody chose come first. */
export function settings({ settings: rows }: RunReport): Html {
  const chosen = (origin: string) => !['default', 'constants', 'not set'].includes(origin);
  const heads = [{ title: 'Setting' }, { title: 'Value' }, { title: 'From' }];
  const lines = (wanted: typeof rows) =>
    wanted.map(({ key, value, origin, summary }) => [
      html`${key}${summary === '' ? '' : html`<br><small>${summary}</small>`}`,
      value === null || value === undefined ? '–' : html`<code>${show(value)}</code>`,
      origin,
    ]);
  const own = rows.filter((row) => chosen(row.origin));
  const rest = rows.filter((row) => !chosen(row.origin));
  return section(
    'settings',
    'Settings and where they came from',
    rows.length === 0
      ? null
      : html`${own.length === 0 ? html`<p class="empty">Nothing was set: everything has its default.</p>` : table('Settings that were set', heads, lines(own))}
${rest.length === 0 ? '' : html`<details><summary>Left as they are (${whole(rest.length)})</summary>${table('Settings left as they are', heads, lines(rest))}</details>`}`,
  );
}
