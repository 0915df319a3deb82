import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { EXIT, OutsideError } from '../errors.ts';
import { mask } from '../secret.ts';
import { shellWord } from '../text/shell-word.ts';
import type { EventOf } from './events.ts';

/** How the trainer process ended, as the controller saw it. */
export interface ProcessEnd {
  code: number | null;
  signal: string | null;
  /** The kernel killed a process for lack of memory while the trainer ran. */
  oom: boolean;
}

export interface Evidence {
  script: string;
  end: ProcessEnd;
  /** The last `error` event, if there was one. */
  error: EventOf<'error'> | undefined;
  logPath: string;
  /** Where in the log this trainer's own output begins. */
  logOffset: number;
}

const LOG_TAIL_BYTES = 16_384;

/** The cause of a trainer's death, in words, with the next command. */
export function failureOf(evidence: Evidence): OutsideError {
  const { end, error, logPath, script } = evidence;
  const log = mask(tailOf(logPath, evidence.logOffset));
  const make = (code: string, message: string, nextSteps: string[], details: Record<string, unknown> = {}) =>
    new OutsideError(code, message, {
      exitCode: EXIT.trainer,
      nextSteps: [...nextSteps, `less ${shellWord(logPath)}`],
      details: { log: logPath, ...details },
    });

  if (error) {
    // A cause that the trainer names needs none: its traceback is in the log.
    const { code = 'exception', next_steps: steps = [] } = error;
    const traceback = code === 'exception' ? mask(error.traceback ?? '') : '';
    // A code of another family is that family's: `run.no_checkpoint` is the same error whoever sees it.
    const name = code.includes('.') ? code : `trainer.${code}`;
    return make(name, error.message || lastOf(traceback) || code, steps, {
      ...(traceback && { traceback: traceback.trim().split('\n').slice(-30).join('\n') }),
    });
  }
  const signal = end.signal ?? workerSignal(log);
  if (signal === 'SIGKILL' && end.oom)
    return make('trainer.out_of_memory', OUT_OF_MEMORY, [
      'pt train --bs 1   # a smaller batch needs less memory',
    ]);
  if (signal)
    return make(
      'trainer.killed',
      `${script} was killed by ${signal}${signalHint(signal)}.`,
      ['pt doctor'],
      tailDetail(log),
    );
  const missing = /ModuleNotFoundError: No module named '([^']+)'/.exec(log)?.[1];
  if (missing)
    return make('python.missing_package', `The Python environment lacks the package ${missing}.`, [
      'pt setup',
      'pt doctor',
    ]);
  if (/^MemoryError/m.test(log))
    return make('trainer.out_of_memory', OUT_OF_MEMORY, [
      'pt train --bs 1   # a smaller batch needs less memory',
    ]);
  if (/Rendezvous(Connection|Timeout)Error/.test(log))
    return make(
      'trainer.rendezvous',
      'The machines did not meet: the one that --rdzv-endpoint names was not reached in time, or others did not come.',
      ['Begin on the machine that --rdzv-endpoint names, and let the others reach that port of it.'],
      tailDetail(log),
    );
  const how = end.code === 0 ? 'without saying that it was done' : `with exit code ${end.code}`;
  const last = lastOf(log);
  return make(
    'trainer.died',
    `${script} ended ${how}${last && `: ${last}`}.`,
    ['pt doctor'],
    tailDetail(log),
  );
}

const OUT_OF_MEMORY = 'The trainer ran out of memory and was ended by the system.';

const signalHint = (signal: string): string =>
  signal === 'SIGKILL'
    ? ' (by a person or another program; the system had memory left)'
    : signal === 'SIGSEGV' || signal === 'SIGBUS' || signal === 'SIGILL'
      ? ' (a fault in compiled code: torch, CUDA or a driver)'
      : '';

/** torch.distributed.run reports a worker's death in its log: `exitcode  : -9 (pid: 123)`. */
function workerSignal(log: string): string | undefined {
  const number = /exitcode\s*:\s*-(\d+)/.exec(log)?.[1];
  const names: Record<string, string> = {
    6: 'SIGABRT',
    7: 'SIGBUS',
    9: 'SIGKILL',
    11: 'SIGSEGV',
    15: 'SIGTERM',
  };
  return number && (names[number] ?? `signal ${number}`);
}

const tailDetail = (log: string) => (log ? { lastLines: log.trim().split('\n').slice(-20).join('\n') } : {});
const lastOf = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

/** The end of what this trainer wrote. */
export function tailOf(path: string, from: number): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const start = Math.max(from, size - LOG_TAIL_BYTES);
      const buffer = Buffer.alloc(Math.max(0, size - start));
      return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, start));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
