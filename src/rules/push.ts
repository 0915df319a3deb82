/** The order of a publish, as a pure decision: what is known so far in, the next step out. */
import { OutsideError } from '../errors.ts';

/** What a publish knows. `text` is the chain string it wants; all answers are about that string. */
export interface PushState {
  text: string;
  uploaded: boolean;
  /** Commitments sent, with what the chain said of the last one. */
  sent: number;
  lastSend: 'none' | 'ok' | 'failed';
  /** What the chain holds for the hotkey, read since the last send. */
  readBack: 'unread' | 'same' | 'other' | 'none';
  /** Reads since the last send. */
  reads: number;
  /** Whether the repository is to be made public, and is. */
  wantPublic: boolean;
  isPublic: boolean;
}

export type PushStep = 'upload' | 'readBack' | 'commit' | 'makePublic' | 'done';

/** Reads after one send before it counts as lost, and sends before giving up. */
export const MAX_READS = 2;
export const MAX_SENDS = 3;
/** Reads that may fail in a row. */
export const MAX_FAILED_READS = 3;

export function startPush(text: string, wantPublic: boolean): PushState {
  return {
    text,
    uploaded: false,
    sent: 0,
    lastSend: 'none',
    readBack: 'unread',
    reads: 0,
    wantPublic,
    isPublic: false,
  };
}

/**
 * The next step. Nothing is sent while the chain has not been read since the last send: an ambiguous failure may have gone
 * through. Throws `OutsideError` `publish.not_committed` after `MAX_SENDS`, where the reference would go on for ever.
 */
export function nextStep(state: PushState): PushStep {
  if (!state.uploaded) return 'upload';
  if (state.readBack === 'same') return state.wantPublic && !state.isPublic ? 'makePublic' : 'done';
  if (state.sent === 0) return 'commit';
  if (state.readBack === 'unread') {
    if (state.reads < MAX_FAILED_READS) return 'readBack';
    throw new OutsideError(
      'publish.unreadable',
      `The chain cannot be read to see whether it holds ${state.text}.`,
      {
        nextSteps: ['pt upload --resume'],
      },
    );
  }
  // Accepted but not to be seen yet: look once more before sending again.
  if (state.lastSend === 'ok' && state.reads < MAX_READS) return 'readBack';
  if (state.sent < MAX_SENDS) return 'commit';
  throw new OutsideError(
    'publish.not_committed',
    `The chain does not hold ${state.text} after ${state.sent} attempts (it holds ${
      state.readBack === 'other' ? 'another commitment' : 'none'
    }).`,
    { nextSteps: ['pt status --mine', 'pt upload --resume'] },
  );
}

/** The state after a step and its answer. */
export function afterStep(
  state: PushState,
  answer:
    | { step: 'upload' | 'makePublic' }
    | { step: 'commit'; ok: boolean }
    | { step: 'readBack'; found: 'same' | 'other' | 'none' | 'failed' },
): PushState {
  switch (answer.step) {
    case 'upload':
      return { ...state, uploaded: true };
    case 'makePublic':
      return { ...state, isPublic: true };
    case 'commit':
      return {
        ...state,
        sent: state.sent + 1,
        lastSend: answer.ok ? 'ok' : 'failed',
        readBack: 'unread',
        reads: 0,
      };
    case 'readBack':
      // A failed read tells nothing: never a reason to send again. It counts, so that reading ends too.
      return {
        ...state,
        readBack: answer.found === 'failed' ? 'unread' : answer.found,
        reads: state.reads + 1,
      };
  }
}
