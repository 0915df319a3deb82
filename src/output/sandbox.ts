import { z } from 'zod';
import type { RunningSandbox } from '../sandbox/index.ts';
import { exactly } from './exactly.ts';
import { count, text } from './parts.ts';

const wallet = exactly<RunningSandbox['wallet']>()(
  z.strictObject({ path: text, name: text, hotkey: text, ss58: text }),
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
      dir,
      pid: null,
    };
  const { chain, hub, netuid, spec, fork, block, wallet, pid } = running;
  return { running: true, chain, hub, netuid, spec, fork, block, wallet, dir, pid };
}

export const sandboxStopSchema = z.strictObject({ stopped: z.boolean() });
export const sandboxEnvSchema = z.strictObject({ env: z.record(text, text) });
export const sandboxResetSchema = z.strictObject({
  reset: z.literal(true),
  wasRunning: z.boolean(),
  dir: text,
});
