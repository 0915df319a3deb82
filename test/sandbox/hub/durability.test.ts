import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHub } from '../../../src/hub/index.ts';
import { finish } from '../../../src/progress.ts';
import { startHub } from '../../../src/sandbox/hub/index.ts';
import { Secret } from '../../../src/secret.ts';
import { FAST, memoryFile, random, tempDir } from '../../hub/support.ts';

async function spawnHub(dir: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'hub-child.ts'), dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, url: line.toString().trim() };
}

describe('the state of the sandbox Hub', () => {
  it('outlives kill -9 at any moment: what was answered is there, whole', async () => {
    const dir = tempDir();
    const answered = new Map<string, { commit: string; sha256: string }>();
    for (let round = 0; round < 4; round += 1) {
      const { child, url } = await spawnHub(dir);
      const hub = createHub({ endpoint: url, token: new Secret('hf_t'), retry: { ...FAST, attempts: 1 } });
      const exited = once(child, 'exit');
      for (let n = 0; ; n += 1) {
        if (n === 1) setTimeout(() => child.kill('SIGKILL'), 200 * Math.random());
        const file = memoryFile('model.safetensors', random(200_000));
        try {
          const repo = `alice/r${round}-${n}`;
          const { commit } = await finish(hub.upload({ repo, files: [file], message: 'm' }));
          answered.set(repo, { commit, sha256: file.sha256 });
        } catch {
          break; // the kill
        }
      }
      await exited;
    }
    expect(answered.size).toBeGreaterThanOrEqual(4);

    const server = await startHub({ dir, tokens: [{ token: 'hf_t', user: 'alice', role: 'write' }] });
    try {
      const hub = createHub({ endpoint: server.url, token: new Secret('hf_t'), retry: FAST });
      for (const [repo, { commit, sha256 }] of answered) {
        const revision = (await hub.revision(repo, commit))!;
        const files = revision.files.filter((file) => file.sha256 !== undefined);
        expect(files).toMatchObject([{ path: 'model.safetensors', sha256 }]);
        await finish(hub.download({ repo, revision: commit, files, dir: tempDir() }));
      }
      // What the kills left half-done is cleared away, and every repository that is listed can be read.
      expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
      const listed = (await (
        await fetch(`${server.url}/api/models?author=alice`, { headers: { authorization: 'Bearer hf_t' } })
      ).json()) as { id: string }[];
      for (const { id } of listed) expect(await hub.revision(id)).not.toBeNull();
    } finally {
      await server.close();
    }
  });

  it('says that the port is taken', async () => {
    const first = await startHub({ dir: tempDir(), tokens: [] });
    await expect(startHub({ dir: tempDir(), port: first.port, tokens: [] })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await first.close();
  });
});
