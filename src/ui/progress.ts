import stringWidth from 'string-width';
import type { Progress } from '../progress.ts';
import { capital, formatAmount, formatBytes, formatCount, formatDuration } from '../text/format.ts';
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
/** Columns of a bar; with less there is none. */
const LEAST_BAR = 10;

/** Draws the progress of one piece of work: a bar with rate and time left on a terminal, a line now and then elsewhere. */
export class ProgressRenderer {
  readonly #target: ProgressTarget;
  #step: Step | null = null;
  #samples: { at: number; done: number }[] = [];
  #startedAt = 0;
  /** When each phase that counts began: training does before every evaluation, and goes on after it. */
  readonly #began = new Map<string, number>();
  #drawnAt = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(target: ProgressTarget) {
    this.#target = target;
  }

  update(step: Step): void {
    const now = this.#target.now();
    if (this.#step?.phase !== step.phase) {
      this.finishPhase();
      const began = step.total === undefined ? now : (this.#began.get(step.phase) ?? now);
      this.#began.set(step.phase, began);
      this.#startedAt = began;
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

  /** Before something else is said: a phase that has done all it counted is over, and its line stands above. */
  finishWhole(): void {
    const step = this.#step;
    if (step?.total !== undefined && step.done >= step.total) this.finishPhase();
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
    if ((nothingCounted || step.unit === 'bytes') && seconds < 1) return;
    // The time of a part would read as that of the whole.
    const took = whole ? ` in ${formatDuration(seconds)}` : '';
    const line = `${capital(presentable(step.phase))}: ${said}${took}${detail}`;
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
    const phase = capital(presentable(step.phase));
    const silent = this.#target.now() - (this.#samples.at(-1)?.at ?? 0);
    const percent = share === null ? null : `${Math.floor(share * 100)}%`;
    // A step's own words tell its speed better than steps a second.
    const showRate = rate !== null && !(step.unit === 'steps' && step.detail);
    const details = step.detail ? presentable(step.detail).split(' · ') : [];
    const amount =
      step.total === undefined && step.done === 0 ? null : formatAmount(step.done, step.unit, step.total);
    const quiet = silent < SILENCE_MS ? null : formatDuration(Math.round(silent / 1000));
    const speed = !showRate
      ? null
      : step.unit === 'bytes'
        ? `${formatBytes(rate)}/s`
        : `${formatCount(rate)}/s`;
    const remaining = left === null ? null : `${formatDuration(left)} left`;
    if (!this.#target.live) {
      const facts = [percent, amount, quiet, speed, remaining, ...details].filter((fact) => fact !== null);
      this.#target.write(facts.length > 0 ? `${phase}: ${facts.join(', ')}\n` : `${phase} …\n`);
      return;
    }
    const width = this.#target.columns() - 1;
    const wide = share !== null && width >= 40;
    const [first = null, ...others] = details;
    // Of several the last says how fast it is, which tells less than the others.
    const last = others.length > 1 ? others.pop()! : null;
    // What fits, whole: the rest is left out from the least to the most telling, and only then is something cut.
    const [quick, whole] = [['speed', 'quiet', 'last'] as const, ['amount'] as const];
    // A chance to win tells more than the loss, the time that is left and the bar.
    const between =
      last === null
        ? (['others', 'remaining', 'first'] as const)
        : (['remaining', 'first', 'others'] as const);
    const leastTelling = [...quick, ...between, ...whole];
    const said = {
      percent,
      amount,
      quiet,
      speed,
      remaining,
      first,
      others: others.join(' · ') || null,
      last,
    };
    const text = () => {
      const detail = [said.first, said.others, said.last].filter((part) => part !== null).join(' · ');
      return [said.percent, said.amount, said.quiet, said.speed, said.remaining, detail]
        .filter((fact) => fact !== null && fact !== '')
        .join('  ');
    };
    const room = () => width - stringWidth(phase) - stringWidth(text()) - (wide && last === null ? 4 : 2);
    const needed = wide && last === null ? LEAST_BAR : 0;
    for (const what of leastTelling) if (room() < needed) said[what] = null;
    const spare = room() - (last === null ? 0 : 2);
    const bar = wide && spare >= LEAST_BAR ? `${this.#bar(share, Math.min(spare, 30))}  ` : '';
    const named = room() < 0 ? cutText(phase, Math.max(1, width - stringWidth(text()) - 2)) : phase;
    this.#target.write(`\r\u001b[2K${cutText(`${named}  ${bar}${text()}`, width)}`);
    this.#drawn = true;
  }

  #bar(share: number, width: number): string {
    const full = Math.round(share * width);
    return this.#target.ascii
      ? '#'.repeat(full) + '.'.repeat(width - full)
      : '━'.repeat(full) + '─'.repeat(width - full);
  }
}
