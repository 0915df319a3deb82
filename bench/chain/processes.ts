import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a client's process tells: seconds, MiB and counts. */
export interface Result {
  /** Start to end of the process. */
  wall: number;
  /** Connecting and the work itself, imports excluded. */
  job: number;
  cpu: number;
  rss: number;
  neurons?: number;
  commitments?: number;
  frames?: number;
}

export interface BenchNode {
  /** Address of the proxy. */
  url: string;
  /** Hex seed of a registered hotkey that may commit. */
  seed: string;
  blockTimeMs: number;
  stop(): void;
}

/** Starts the sandbox chain with 256 neurons, each with a commitment, behind a proxy with latency, as a process. */
export async function startNodeProcess(dir: string, rttMs: number): Promise<BenchNode> {
  const child = fork(join(import.meta.dirname, 'node-process.ts'), [dir, String(rttMs)]);
  const [ready] = (await once(child, 'message')) as [Omit<BenchNode, 'stop'>];
  return { ...ready, stop: () => child.kill() };
}

/** Runs a client to its end; its last line on stdout is JSON. */
export async function runClient(command: string, args: string[]): Promise<Result> {
  const startedAt = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => errors.push(chunk));
  const [code] = await once(child, 'close');
  const wall = (performance.now() - startedAt) / 1000;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${Buffer.concat(errors)}`);
  return { ...JSON.parse(Buffer.concat(output).toString().trim().split('\n').at(-1)!), wall };
}
