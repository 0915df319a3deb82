import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createHub, type HubOptions, type UploadFile } from '../../src/hub/index.ts';
import { type SandboxHub, type StartHubOptions, startHub } from '../../src/sandbox/hub/index.ts';
import { Secret } from '../../src/secret.ts';

export const WRITE_TOKEN = 'hf_sandboxwrite';
export const TOKENS: StartHubOptions['tokens'] = [
  { token: WRITE_TOKEN, user: 'alice', role: 'write', orgs: ['acme'] },
  { token: 'hf_sandboxread', user: 'alice', role: 'read' },
  { token: 'hf_sandboxbob', user: 'bob', role: 'write' },
];

/** Short waits, so that every retry is really made but no test sleeps for long. */
export const FAST: NonNullable<HubOptions['retry']> = {
  attempts: 4,
  baseMs: 5,
  capMs: 40,
  maxWaitMs: 2_000,
  idleMs: 800,
  answerMs: 800,
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'pt-hub-test-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export async function sandbox(options: Partial<StartHubOptions> = {}): Promise<SandboxHub> {
  const hub = await startHub({ dir: tempDir(), tokens: TOKENS, ...options });
  cleanups.push(() => hub.close());
  return hub;
}

export const client = (
  server: { url: string },
  token: string | null = WRITE_TOKEN,
  options: Partial<HubOptions> = {},
) =>
  createHub({
    endpoint: server.url,
    ...(token === null ? {} : { token: new Secret(token) }),
    retry: FAST,
    loopbackOnly: true,
    ...options,
  });

/** A file in memory that counts how often it was opened. */
export function memoryFile(path: string, content: Uint8Array | string): UploadFile & { opened: number } {
  const bytes = Buffer.from(content);
  return {
    path,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    opened: 0,
    async *open(start = 0, end = bytes.length) {
      this.opened += 1;
      for (let at = start; at < end; at += 65_536) yield bytes.subarray(at, Math.min(end, at + 65_536));
    },
  };
}

export const random = (size: number): Buffer => randomBytes(size);
