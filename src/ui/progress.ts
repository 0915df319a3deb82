import stringWidth from 'string-width';
import type { Progress } from '../progress.ts';
import { formatAmount, formatBytes, formatCount, formatDuration } from '../text/format.ts';
import { presentable } from '../text/harmless.ts';
import { cutText } from '../text/table.ts';

type Step = Extract<Progress, { kind: 'progress' }>;

export interface ProgressTarget {
  /** Writes raw text to the stream for people. */
  write(text: string): void;
  /** Redraw one line in place; otherwise plain lines, seldom. */
  live: boolean;
  columns(): number;
  ascii: boolean;
  now(): number;
}

const REDRAW_MS = 80;
const PLAIN_MS = 10_000;
const TICK_MS = 900;
/** After this long without a report the seconds of silence are shown. */
const SILENCE_MS = 2000;
/** Rates and time left are taken over this long, so that they follow changes but do not jump. */
const WINDOW_MS = 15_000;

/** Draws the progress of one piece of work: a bar with rate and time left on a terminal, a line now and then elsewhere. */
export class ProgressRenderer {
  readonly #target: ProgressTarget;
  #step: Step | null = null;
  #samples: { at: number; done: number }[] = [];
  #startedAt = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(target: ProgressTarget) {
    this.#target = target;
  }

  update(step: Step): void {
    const now = this.#target.now();
    if (this.#step?.phase !== step.phase) {
      this.finishPhase();
      this.#startedAt = now;
      this.#samples = [];
      this.#drawnAt = Number.NEGATIVE_INFINITY;
    }
    this.#step = step;
    this.#samples.push({ at: now, done: step.done });
    while (this.#samples.length > 2 && now - this.#samples[0]!.at > WINDOW_MS) this.#samples.shift();
    if (now - this.#drawnAt < (this.#target.live ? REDRAW_MS : PLAIN_MS)) return;
    this.#drawnAt = now;
    this.#draw();
  }

  /** Draws again though nothing was reported, so that a long silence shows its seconds; call it about once a second. */
  tick(): void {
    if (this.#step === null || !this.#target.live || this.#target.now() - this.#drawnAt < TICK_MS) return;
    this.#drawnAt = this.#target.now();
    this.#draw();
  }

  /** Takes the line away so that something else can be written; the next update draws it again. */
  clear(): void {
    if (!this.#drawn) return;
    this.#target.write('\r\u001b[2K');
    this.#drawn = false;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  /** Ends the current phase with one line that stays. */
  finishPhase(): void {
    const step = this.#step;
    if (step === null) return;
    this.clear();
    const seconds = (this.#target.now() - this.#startedAt) / 1000;
    const detail = step.detail ? `, ${presentable(step.detail)}` : '';
    const whole = step.total === undefined || step.done >= step.total;
    const amount = formatAmount(step.done, step.unit, whole ? undefined : step.total);
    const nothingCounted = step.total === undefined && step.done === 0;
    const said = nothingCounted ? 'done' : amount;
    this.#step = null;
    // A phase that was over before anybody could read it leaves no line.
    if (nothingCounted && seconds < 1) return;
    const line = `${presentable(step.phase)}: ${said} in ${formatDuration(seconds)}${detail}`;
    this.#target.write(`${line}\n`);
  }

  /** Units a second over the window; null until there is something to tell. */
  #rate(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < 300 || last.done <= first.done) return null;
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }

  #draw(): void {
    const step = this.#step!;
    const rate = this.#rate();
    const left = rate !== null && step.total !== undefined ? (step.total - step.done) / rate : null;
    const share = step.total ? Math.min(1, Math.max(0, step.done / step.total)) : null;
    const phase = presentable(step.phase);
    const silent = this.#target.now() - (this.#samples.at(-1)?.at ?? 0);
    // What matters most comes first: a narrow terminal shows the beginning. A step's own words tell its speed better than steps a second.
    const percent = share === null ? null : `${Math.floor(share * 100)}%`;
    const showRate = rate !== null && !(step.unit === 'steps' && step.detail);
    const facts = [
      step.total === undefined && step.done === 0 ? null : formatAmount(step.done, step.unit, step.total),
      silent < SILENCE_MS ? null : formatDuration(Math.round(silent / 1000)),
      !showRate ? null : step.unit === 'bytes' ? `${formatBytes(rate)}/s` : `${formatCount(rate)}/s`,
      left === null ? null : `${formatDuration(left)} left`,
      step.detail ? presentable(step.detail) : null,
    ].filter((fact) => fact !== null);
    if (percent !== null) facts.unshift(percent);
    if (!this.#target.live) {
      this.#target.write(facts.length > 0 ? `${phase}: ${facts.join(', ')}\n` : `${phase} …\n`);
      return;
    }
    const width = this.#target.columns() - 1;
    const text = facts.join('  ');
    const room = width - stringWidth(phase) - stringWidth(text) - 4;
    const bar =
      share !== null && width >= 40 ? `${this.#bar(share, Math.min(Math.max(room, 10), 30))}  ` : '';
    this.#target.write(`\r\u001b[2K${cutText(`${phase}  ${bar}${text}`, width)}`);
    this.#drawn = true;
  }

  #bar(share: number, width: number): string {
    const full = Math.round(share * width);
    return this.#target.ascii
      ? '#'.repeat(full) + '.'.repeat(width - full)
      : '━'.repeat(full) + '─'.repeat(width - full);
  }
}
