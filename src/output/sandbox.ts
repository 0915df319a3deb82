import { z } from 'zod';
import { type RunningSandbox, readThrone, type Throne } from '../sandbox/index.ts';
import { exactly } from './exactly.ts';
import { count, text } from './parts.ts';

const wallet = exactly<RunningSandbox['wallet']>()(
  z.strictObject({ path: text, name: text, hotkey: text, ss58: text }),
);

const plays = exactly<NonNullable<RunningSandbox['plays']>>()(
  z.strictObject({
    profile: text.describe('The small form, which commands take by themselves on the sandbox'),
    profiles: text.describe('Folder of its file'),
    of: text.describe('The profile that it stands in for'),
    king: z
      .strictObject({ hotkey: text, repo: text, commit: text })
      .nullable()
      .describe('Who held the throne when it began; null: none can be made'),
  }),
);

export const throneSchema = exactly<Throne>()(
  z.strictObject({
    king: text.nullable().describe('SS58 of who holds the throne now'),
    verdicts: z.array(
      z.strictObject({
        uid: count,
        hotkey: text,
        block: count,
        text,
        repo: text.nullable(),
        outcome: z
          .enum(['unreadable', 'refused', 'lost', 'won', 'taken'])
          .describe(
            'unreadable: no text of this subnet; refused: in no duel; taken: there is nobody to beat',
          ),
        reason: text,
      }),
    ),
  }),
);

/** Of `start` and `status`. */
export const sandboxSchema = z.strictObject({
  running: z.boolean(),
  chain: text.nullable(),
  hub: text.nullable(),
  netuid: count.nullable(),
  spec: count.nullable().describe('Of the runtime; null: not running, or a fork'),
  fork: text.nullable().describe('The network that it was forked from'),
  block: count.nullable().describe('Null: not running, or the chain does not answer'),
  wallet: wallet.nullable(),
  plays: plays.nullable().describe('The subnet that it plays; null: none'),
  throne: throneSchema.nullable().describe('What its validator decided so far'),
  dir: text.describe('Folder with its state and log'),
  pid: count.nullable(),
});

/** `running` null: none does. */
export function sandboxOutput(dir: string, running: RunningSandbox | null): z.output<typeof sandboxSchema> {
  if (running === null)
    return {
      running: false,
      chain: null,
      hub: null,
      netuid: null,
      spec: null,
      fork: null,
      block: null,
      wallet: null,
      plays: null,
      throne: null,
      dir,
      pid: null,
    };
  const { chain, hub, netuid, spec, fork, block, wallet, plays, pid } = running;
  const throne = plays === null ? null : readThrone(dir, plays);
  return { running: true, chain, hub, netuid, spec, fork, block, wallet, plays, throne, dir, pid };
}

export const sandboxStopSchema = z.strictObject({ stopped: z.boolean() });
export const sandboxEnvSchema = z.union([
  z.strictObject({ env: z.record(text, text) }),
  z
    .strictObject({ unset: z.array(text), restored: z.array(text) })
    .describe('With --unset: variables that are gone, and those that are again what they were'),
]);
export const sandboxResetSchema = z.strictObject({
  reset: z.literal(true),
  wasRunning: z.boolean(),
  dir: text,
});
