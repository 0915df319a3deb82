import type { EventOf, TrainerEvent } from '../bridge/index.ts';
import type { Progress } from '../progress.ts';
import { formatCount, formatDuration, formatShare, formatWhole } from '../text/format.ts';
import { dataNote } from './data-note.ts';
import { describeChance, describeStanding, type King, type RunDuel, standingAt } from './duel-folder.ts';

/** Events in the words of the progress line; null for what people need not see. `king`: of the run's duel, whose newest outcome stands beside the loss. */
export function tellerOf(king: King | null): (event: TrainerEvent) => Progress | null {
  let newest: RunDuel | null = null;
  return (event) => {
    if (event.type === 'duel') newest = king && standingAt(king, event);
    return progressOf(event, king, newest);
  };
}

function progressOf(event: TrainerEvent, king: King | null, newest: RunDuel | null): Progress | null {
  switch (event.type) {
    case 'start': {
      const from = event.resumed_from ?? null;
      const message =
        `${from === null ? 'Training' : `Going on from step ${formatWhole(from)}`}: ${event.parameters == null ? '?' : formatCount(event.parameters)} parameters ` +
        `(${trainedNote(event)}${event.architecture}) on ${event.device_name || event.device}, ${event.dtype}, attention ${event.attention}.` +
        (event.tokenizer === undefined ? '' : ` Tokenizer: ${event.tokenizer}.`) +
        (event.end === undefined
          ? ''
          : ` It ends ${event.end}${event.course == null ? '' : `: ${event.course}`}.`);
      return { kind: 'note', level: 'info', message };
    }
    case 'data':
      return { kind: 'note', level: 'info', message: dataNote(event) };
    case 'phase':
      return { kind: 'progress', phase: phaseTitle(event), done: 0, unit: 'steps' };
    case 'step':
      return {
        kind: 'progress',
        phase: 'Training',
        done: event.step ?? 0,
        ...(event.total_steps == null ? {} : { total: event.total_steps }),
        unit: 'steps',
        detail: stepDetail(event, newest),
      };
    case 'eval':
      return {
        kind: 'note',
        level: 'info',
        message: `Step ${formatWhole(event.step ?? 0)}: held-out loss ${event.eval_loss?.toFixed(4) ?? 'not finite'}${averagedNote(event)}${event.best === true ? ' (best so far)' : ''}.`,
      };
    case 'duel':
      return king && { kind: 'note', level: 'info', message: duelNote(event, king, newest) };
    case 'probe':
      return {
        kind: 'note',
        level: 'info',
        message: `Learning rate ${event.lr?.toPrecision(2) ?? '?'}: held-out loss ${event.eval_loss?.toFixed(4) ?? 'not finite'} after ${formatWhole(event.steps ?? 0)} steps.`,
      };
    case 'experts':
      return { kind: 'note', level: 'info', message: expertsNote(event) };
    case 'warning':
      return { kind: 'note', level: 'warning', message: event.message ?? '' };
    default:
      return null;
  }
}

function trainedNote({ parameters, trained }: EventOf<'start'>): string {
  return trained == null || trained === parameters ? '' : `${formatCount(trained)} train, `;
}

function duelNote(event: EventOf<'duel'>, king: King, standing: RunDuel | null): string {
  const said =
    standing === null
      ? 'the losses say nothing about a chance to win'
      : `${describeStanding(standing)}${standing.mean === null ? '' : `; gain ${standing.mean.toFixed(5)} nats a token`}`;
  return `Step ${formatWhole(event.step ?? 0)}: against ${king.king}, ${said}.`;
}

function expertsNote({ busiest = [], unused = [] }: EventOf<'experts'>): string {
  const most = Math.max(...busiest);
  const idle = unused.reduce((sum, count) => sum + count, 0);
  return (
    `Experts: the busiest has ${most.toFixed(1)} times an even share of the tokens (layer ${busiest.indexOf(most) + 1} of ${busiest.length})` +
    (idle === 0 ? '.' : `; ${idle} had none.`)
  );
}

function averagedNote({ averaged_loss: loss }: EventOf<'eval'>): string {
  return loss == null ? '' : `, of the averaged weights ${loss.toFixed(4)}`;
}

function phaseTitle({ name = '', detail = '' }: EventOf<'phase'>): string {
  const title = name.charAt(0).toUpperCase() + name.slice(1);
  return detail === '' ? title : `${title}: ${detail}`;
}

function stepDetail(event: EventOf<'step'>, newest: RunDuel | null): string {
  const parts = [`loss ${event.loss?.toFixed(4) ?? 'not finite'}`];
  if (event.kl != null) parts.push(`KL ${event.kl.toFixed(4)}`);
  if (newest !== null) parts.push(describeChance(newest));
  if (event.tokens_per_second != null)
    parts.push(`${formatCount(Math.round(event.tokens_per_second))} tok/s`);
  if (event.mfu != null) parts.push(`MFU ${formatShare(event.mfu)}`);
  // With a known end the progress bar tells the time left itself.
  if (event.total_steps == null && event.eta_seconds != null)
    parts.push(`${formatDuration(event.eta_seconds)} left`);
  return parts.join(' · ');
}
