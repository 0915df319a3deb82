import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cases, draws } from '../support/attack.ts';
import { client, sandbox, WRITE_TOKEN } from './support.ts';

const COUNT = 6;
const SIZE = 1024 * 1024;
const draw = draws();

function start(endpoint: string) {
  const script = join(import.meta.dirname, 'upload-child.ts');
  return spawn(process.execPath, [script, endpoint, String(COUNT), String(SIZE)], {
    env: { ...process.env, HF_ACCESS_TOKEN: WRITE_TOKEN },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('kill -9 of the uploading process', () => {
  const moments = cases(8);
  it.each(Array.from({ length: moments }, (_, i) => i))(
    'at moment %i: the next run ends in one commit and sends no object twice',
    async (index) => {
      // The steps of an upload in order; the process is killed while the Hub holds one of them back.
      const steps = ['create', 'preupload', 'batch', 'put', 'put', 'put', 'verify', 'commit'] as const;
      const step = steps[index % steps.length]!;
      const server = await sandbox({
        faults: [
          { step, after: step === 'put' ? index % COUNT : 0, times: 1, does: { kind: 'delay', ms: 400 } },
        ],
      });
      const first = start(server.url);
      while (!server.requests.some((request) => request.step === step))
        await new Promise((done) => setTimeout(done, 5));
      await new Promise((done) => setTimeout(done, 25 * draw()));
      first.kill('SIGKILL');
      await once(first, 'exit');
      await new Promise((done) => setTimeout(done, 450));
      const stored = new Set(
        server.requests
          .filter((request) => request.step === 'put' && request.status === 200)
          .map(({ path }) => path),
      );
      const before = server.requests.length;

      const second = start(server.url);
      const chunks: Buffer[] = [];
      second.stdout.on('data', (chunk) => chunks.push(chunk));
      await once(second, 'close');
      const result = JSON.parse(Buffer.concat(chunks).toString());

      const revision = await client(server).revision('alice/killed');
      expect(revision!.commit).toBe(result.commit);
      expect(revision!.files.filter((file) => file.sha256)).toHaveLength(COUNT);
      const sentAgain = server.requests
        .slice(before)
        .filter(({ step: s, path }) => s === 'put' && stored.has(path));
      expect(sentAgain).toEqual([]);
      const commits = server.requests.filter(
        (request) => request.step === 'commit' && request.status === 200,
      );
      expect(commits).toHaveLength(1);
    },
  );
});
