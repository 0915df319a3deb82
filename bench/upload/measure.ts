import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Measured {
  /** Seconds from the start of the process to its end. */
  wall: number;
  /** Seconds of CPU, user and system, of the client's process. */
  cpu: number;
  /** Bytes, the highest that was resident. */
  rss: number;
  /** Bytes on the wire, headers included. */
  received: number;
  sent: number;
  contentHash?: string;
}

export interface BenchHub {
  url: string;
  token: string;
  traffic(): Promise<{ received: number; sent: number }>;
  /** Milliseconds before every answer. */
  setLatency(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the sandbox Hub as a process. */
export async function startHubProcess(dir: string): Promise<BenchHub> {
  const token = 'hf_bench';
  const child = fork(join(import.meta.dirname, 'hub-process.ts'), [dir], {
    env: { ...process.env, HF_TOKEN: token },
  });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  return {
    url,
    token,
    async traffic() {
      child.send('traffic');
      const [{ traffic }] = (await once(child, 'message')) as [
        { traffic: { received: number; sent: number } },
      ];
      return traffic;
    },
    async setLatency(ms) {
      const faults = ms > 0 ? [{ does: { kind: 'delay', ms } }] : [];
      const headers = { 'x-sandbox-admin': '1' };
      const answer = await fetch(`${url}/_sandbox/faults`, {
        method: 'PUT',
        headers,
        body: JSON.stringify(faults),
      });
      if (!answer.ok) throw new Error(`faults: ${answer.status}`);
    },
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** Runs a client to its end; its last line on stdout is JSON with `cpu` and `rss`. */
export async function measure(hub: BenchHub, command: string, args: string[]): Promise<Measured> {
  const before = await hub.traffic();
  const started = performance.now();
  const child = spawn(command, args, {
    env: {
      ...process.env,
      HF_ENDPOINT: hub.url,
      HF_TOKEN: hub.token,
      HF_HUB_DISABLE_XET: '1',
      HF_HUB_DISABLE_TELEMETRY: '1',
      HF_HUB_DISABLE_PROGRESS_BARS: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => errors.push(chunk));
  const [code] = await once(child, 'close');
  const wall = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`${command} ${args[0]} failed:\n${Buffer.concat(errors)}`);
  const after = await hub.traffic();
  const result = JSON.parse(Buffer.concat(output).toString().trim().split('\n').at(-1)!);
  return { ...result, wall, received: after.received - before.received, sent: after.sent - before.sent };
}

/** Prints one figure as the benchmarks' JSON line. */
export function report(
  bench: string,
  metric: string,
  unit: string,
  value: number,
  rival: number | null,
): void {
  const round = (number: number) => Number(number.toPrecision(4));
  const ratio = rival === null ? null : round(value / rival);
  process.stdout.write(
    `${JSON.stringify({ bench, metric, value: round(value), unit, rival: rival === null ? null : round(rival), ratio })}\n`,
  );
}
