import { readFileSync } from 'node:fs';
import { Command, type Interfaces } from '@oclif/core';
import type { Constants } from '../constants.ts';
import { Cancelled, type ErrorReport, EXIT, type ExitCode, PtError, UserError } from '../errors.ts';
import { outlivesTerminal } from '../host/hangup.ts';
import { keepPrivate } from '../host/own-folder.ts';
import type { Notifier } from '../notify/index.ts';
import type { Printed } from '../output/index.ts';
import type { Place } from '../place.ts';
import type { Work } from '../progress.ts';
import { Secret } from '../secret.ts';
import type { Settings } from '../settings/index.ts';
import type { Column } from '../text/table.ts';
import { publicReport } from '../ui/report.ts';
import { createUi, type Ui } from '../ui/terminal.ts';
import { commandLine, type Leaves } from './command-line.ts';
import { globalFlags, idleInList, networkArgs } from './flags.ts';
import {
  allInContext,
  type CommandLine,
  type Typed,
  thisCaller,
  typedHere,
  typedSettings,
} from './next-steps.ts';
import { normalizeArgv } from './normalize-argv.ts';
import { takeReferenceFlags } from './reference-flags.ts';
import { usageError } from './usage-error.ts';

export { Args, Flags, type Interfaces } from '@oclif/core';
export {
  BLOCK,
  COUNT,
  hubFlags,
  networkFlags,
  notifyFlag,
  publishedDtype,
  publishFlags,
  sampleFlags,
  signingFlags,
  subnetFlags,
  walletFlags,
  writeFlags,
} from './flags.ts';

/** The command that was typed, while it runs. */
let outermost: PtCommand | null = null;

/** How long work may take to heed Ctrl-C before the command ends anyway. */
const GRACE_MS = 1500;

/**
 * What every command is: parse, call one service, show the result, return the object that `--json` prints.
 *
 * ```ts
 * export default class Check extends PtCommand {
 *   static override flags = { ...networkFlags, block: Flags.integer({ summary: '…' }) };
 *   async run(): Promise<Printed<'check'>> {
 *     const { flags, args } = await this.parse(Check);
 *     const settings = await this.settings(flags);
 *     const verdict = await this.work(check({ … }));
 *     if (!verdict.accepted) this.exitCode = EXIT.check;
 *     this.table(…);
 *     this.nextSteps(['pt upload …']);
 *     return checkOutput(verdict);
 *   }
 * }
 * ```
 */
export abstract class PtCommand extends Command {
  static override baseFlags = globalFlags;

  /** For a command that did its work but has bad news (`pt check`: 3). Errors bring their own. */
  protected exitCode: ExitCode = EXIT.ok;
  /** For a command that exists to print a secret. */
  protected readonly revealsSecrets: boolean = false;
  readonly #controller = new AbortController();
  #interrupts = 0;
  #onInterrupt: ((count: number, terminalClosed: boolean) => void) | null = null;
  #printed = false;
  /** `--logging.debug`: errors come with their stack. */
  #stacks = false;
  /** Objects come one a line, the last one (an error) too. */
  #lines = false;
  #ui: Ui | null = null;
  readonly #places: Place[] = [];
  #notifier: Notifier | null = null;
  /** What was typed of where the command acts. */
  #typed: Typed[] = [];
  /** What was typed altogether, once it is parsed. */
  #line: CommandLine | null = null;
  /** What of it a step of the same command leaves out, beside what excludes one another. */
  protected readonly leaves: Leaves = () => [];

  /** The object that `--json` prints; complete and of its own type: `Promise<Printed<'check'>>` (src/output). */
  abstract override run(): Promise<Printed>;

  /** Aborted by Ctrl-C; hand it to everything that takes a signal. */
  protected get signal(): AbortSignal {
    return this.#controller.signal;
  }

  protected get ui(): Ui {
    this.#ui ??= createUi({
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      json: this.#given('json'),
      quiet: this.#given('quiet'),
      color: !this.#given('no-color'),
      reveal: this.revealsSecrets,
    });
    return this.#ui;
  }

  /** Every setting, from these flags and everything beneath them. */
  protected async settings(flags: object): Promise<Settings> {
    const { resolveSettings } = await import('../settings/index.ts');
    const given = flags as Record<string, unknown>;
    const settings = resolveSettings({ flags: given, env: process.env, cwd: process.cwd() });
    this.#typed = typedSettings(settings.rows);
    this.warnReplaced(settings.constants, settings.profile);
    keepPrivate(settings.home);
    const descriptor = given['wallet-password-fd'];
    return typeof descriptor === 'number'
      ? { ...settings, walletPassword: readPassword(descriptor) }
      : settings;
  }

  /** Says of a profile that pt ships (or the constants folder has) that another folder's file stands in its place. */
  protected warnReplaced({ replaced }: Constants, name: string): void {
    if (Object.hasOwn(replaced, name))
      this.warning(`Profile ${name} is ${replaced[name]}, in the place of the one of that name that pt has.`);
  }

  /**
   * Where these settings act. Nothing is opened yet; what is opened then is closed when the command ends. A command that only looks gives the
   * block that it looks back to (null: now), or the profile `history` is refused.
   */
  protected async place(settings: Settings, lookBack?: number | null): Promise<Place> {
    const { openPlace } = await import('../place.ts');
    const place = openPlace(settings, {
      env: process.env,
      ...(lookBack === undefined ? {} : { lookBack }),
      password: async () => {
        const { askPassword } = await import('../ui/prompt.ts');
        return askPassword(`Password of ${settings.wallet.name}/${settings.wallet.hotkey}:`);
      },
    });
    this.#places.push(place);
    return place;
  }

  /** Who is told of what happens, as `--notify` says; the command ends when they are, or cannot be. */
  protected async notifier({ notify, offline }: Settings): Promise<Notifier> {
    const { openNotifier } = await import('../notify/index.ts');
    const warn = (text: string) => this.warning(text);
    this.#notifier = openNotifier({ target: notify?.reveal() ?? null, offline, warn });
    return this.#notifier;
  }

  /** Runs long work with its progress on stderr and returns its result. */
  protected async work<Result>(work: Work<Result>): Promise<Result> {
    const progress = this.ui.startProgress();
    const ticker = setInterval(() => progress?.tick(), 1000);
    try {
      for (;;) {
        const next = await work.next();
        if (next.done) {
          progress?.finishPhase();
          return next.value;
        }
        const event = next.value;
        if (event.kind === 'progress') progress?.update(event);
        else if (event.level === 'warning') this.warning(event.message);
        else this.note(event.message);
      }
    } finally {
      clearInterval(ticker);
      this.ui.endProgress();
    }
  }

  /**
   * Takes Ctrl-C over: `handler` is called with 1, 2, … and the command goes on until its work ends by itself. For work that
   * saves before it stops. A terminal that closes counts as the first, never as a further one. `null` gives it back.
   */
  protected onInterrupt(handler: ((count: number, terminalClosed: boolean) => void) | null): void {
    this.#onInterrupt = handler;
  }

  /** Asks; throws `Cancelled` on no. Without a terminal and without --yes: a `UserError` that names the flag. */
  protected async confirm(
    question: string,
    { yes, flag = '--yes' }: { yes: boolean; flag?: string },
  ): Promise<void> {
    if (yes) return;
    const { askYesNo } = await import('../ui/prompt.ts');
    if (!(await askYesNo(question, flag))) throw new Cancelled('Nothing was done.');
  }

  /** What a flag that was typed without its value turned out to mean, for hints. */
  protected meant(flag: string, value: string): void {
    const line = this.#line;
    if (line === null) return;
    const flags = line.flags.map((each) => (each.flag === flag ? { ...each, value } : each));
    this.#line = { ...line, flags };
  }

  /** `--list-competitions`: that command in the place of this one. What it has no use for is named. */
  protected listCompetitions(flags: Record<string, unknown>): Promise<Printed<'competitions'>> {
    const idle = idleInList(flags);
    if (idle !== null) this.warning(idle);
    return this.config.runCommand<Printed<'competitions'>>('competitions', networkArgs(flags));
  }

  /** A line of data on stdout. */
  protected print(text?: string): void {
    this.ui.print(text);
  }

  /** Prints the `--json` object before the end, for a command that then goes on serving; nothing is printed at its return. */
  protected printNow(result: Printed | { error: ErrorReport }): void {
    if (this.ui.json && !this.#printed) this.ui.object(result, { line: this.#lines });
    this.#printed = true;
  }

  /** Prints one of several `--json` objects, each a line, for a command that shows things again and again. */
  protected printLine(result: Printed): void {
    this.#lines = true;
    if (this.ui.json) this.ui.object(result, { line: true });
  }

  /** Begins anew at the top of the screen, on a terminal. */
  protected redraw(): void {
    this.ui.redraw();
  }

  protected note(text: string): void {
    this.ui.note(text);
  }

  protected warning(text: string): void {
    this.ui.warn(text);
  }

  protected success(text: string): void {
    this.ui.success(text);
  }

  protected table(columns: Column[], rows: unknown[][]): void {
    this.ui.table(columns, rows);
  }

  /** What to type next, in the place that was typed. */
  protected nextSteps(steps: string[]): void {
    this.ui.nextSteps(this.#inContext(steps));
  }

  /** Steps that stand elsewhere than at the end, by the name under which they can be typed here. */
  protected here(steps: readonly string[]): string[] {
    const caller = thisCaller();
    return steps.map((step) => typedHere(step, caller));
  }

  #inContext(steps: string[]): string[] {
    const takes = (words: string) => {
      const command = this.config.findCommand(words.replaceAll(' ', ':'));
      return command ? new Set(Object.keys(command.flags)) : null;
    };
    const caller = thisCaller();
    return allInContext(steps, this.#typed, takes, this.#line).map((step) => typedHere(step, caller));
  }

  /** Parses flags in any of their spellings; what the parser finds wrong becomes a `UserError`. */
  protected override async parse<
    // biome-ignore-start lint/suspicious/noExplicitAny: oclif's own signature
    F extends Interfaces.OutputFlags<any>,
    B extends Interfaces.OutputFlags<any>,
    A extends Interfaces.OutputArgs<any>,
    // biome-ignore-end lint/suspicious/noExplicitAny: oclif's own signature
  >(
    options?: Interfaces.Input<F, B, A>,
    argv: string[] = this.argv,
  ): Promise<Interfaces.ParserOutput<F, B, A>> {
    const flags = { ...options?.baseFlags, ...options?.flags } as Record<string, Interfaces.Flag<unknown>>;
    for (const arg of Object.values(options?.args ?? {}) as { ignoreStdin?: boolean }[])
      arg.ignoreStdin = true;
    try {
      const parsed = await super.parse<F, B, A>(options, normalizeArgv(this.#ours(argv, flags), flags));
      this.#line = commandLine((this.id ?? '').replaceAll(':', ' '), parsed.raw, flags, this.leaves);
      return parsed;
    } catch (error) {
      const names = Object.entries(flags).flatMap(([name, flag]) => [name, ...(flag.aliases ?? [])]);
      throw usageError(error, names, (this.id ?? '').replaceAll(':', ' '));
    }
  }

  /** The argument list without what the SDK adds to the reference's scripts, which `pt train` and `pt upload` stand for. */
  #ours(argv: string[], flags: Record<string, unknown>): string[] {
    if (!('hf-repo-id' in flags)) return argv;
    const taken = takeReferenceFlags(argv, new Set(Object.keys(flags)));
    for (const note of taken.notes) this.note(note);
    if (taken.debug) this.#stacks = true;
    return taken.argv;
  }

  /** oclif's own printing of results and errors is replaced: one object on stdout, people on stderr, our exit codes. */
  protected override async _run<T>(): Promise<T> {
    // A command that another one runs (`pt train --list-competitions`) leaves switches, result and errors to that one.
    if (outermost) return (await this.#runAndClose()) as T;
    outermost = this;
    const interrupted = Promise.withResolvers<never>();
    const onSignal = (signal: NodeJS.Signals) => this.#interrupt(interrupted.reject, signal === 'SIGHUP');
    const goesOn = outlivesTerminal(process.env);
    const onHangup = () => {
      if (goesOn) this.note('The terminal was closed; pt goes on (nohup).');
      else if (this.#interrupts === 0) onSignal('SIGHUP');
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.on('SIGHUP', onHangup);
    try {
      const result = await Promise.race([this.#runAndClose(), interrupted.promise]);
      this.printNow(result);
      process.exitCode = this.exitCode;
      return result as T;
    } catch (error) {
      this.#report(error);
      return undefined as T;
    } finally {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      process.off('SIGHUP', onHangup);
      outermost = null;
    }
  }

  async #runAndClose(): Promise<Printed> {
    try {
      return await this.run();
    } finally {
      await this.#untilTold();
      await Promise.all(this.#places.map((place) => place.close()));
    }
  }

  /** The shell comes back when everybody was told; a wait that is felt is explained. */
  async #untilTold(): Promise<void> {
    const patience = setTimeout(
      () => this.note('The webhook has not answered yet; pt ends when it has, or after half a minute.'),
      2000,
    );
    await this.#notifier?.settled();
    clearTimeout(patience);
  }

  #interrupt(give_up: (error: Cancelled) => void, terminalClosed: boolean): void {
    this.#interrupts += 1;
    if (this.#onInterrupt) {
      this.#onInterrupt(this.#interrupts, terminalClosed);
      return;
    }
    if (this.#interrupts > 1) process.exit(EXIT.cancelled);
    this.#controller.abort(new Cancelled());
    setTimeout(() => give_up(new Cancelled()), GRACE_MS).unref();
  }

  #report(error: unknown): void {
    const stopped = this.signal.aborted && !(error instanceof PtError);
    const told = publicReport(stopped ? new Cancelled() : error, process.env, process.cwd());
    const report = { ...told, nextSteps: this.#inContext(told.nextSteps) };
    this.ui.endProgress();
    this.ui.error(report);
    if (process.env.PT_DEBUG || this.#stacks) this.ui.stack(error);
    this.printNow({ error: report });
    process.exitCode = report.exitCode;
  }

  /** A global switch, readable before (and in spite of) parsing, so that parse errors obey it too. */
  #given(flag: string): boolean {
    const { argv } = outermost ?? this;
    const end = argv.indexOf('--');
    return argv.slice(0, end === -1 ? undefined : end).includes(`--${flag}`);
  }
}

/** The first line of an open file descriptor, so that a password manager can hand it over without argv or environment. */
function readPassword(descriptor: number): Secret {
  try {
    return new Secret(readFileSync(descriptor, 'utf8').split(/\r?\n/)[0] ?? '');
  } catch (error) {
    throw new UserError(
      'usage.password_fd',
      `--wallet-password-fd ${descriptor}: nothing can be read from this file descriptor.`,
      { nextSteps: ['pt upload … --wallet-password-fd 3 3< <(pass show hotkey)'], cause: error },
    );
  }
}
