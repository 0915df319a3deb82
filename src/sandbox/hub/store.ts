import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeWholeSync } from '../../host/write-file.ts';
import type { Repo, RepoType } from './types.ts';

/**
 * Everything that the sandbox Hub remembers, in a folder: `repos/<type>/<namespace>/<name>/repo.json` beside `objects/<sha256>`.
 * Each write goes to `tmp/` first and is renamed, so that a process killed at any moment leaves the old state or the new one.
 */
export interface Store {
  /** Signs upload and download addresses; kept, so that addresses outlive a restart. */
  secret: Buffer;
  find(type: RepoType, id: string): Repo | null;
  all(): Repo[];
  save(repo: Repo): void;
  remove(repo: Repo): void;
  rename(repo: Repo, id: string): void;
  objectPath(repo: Repo, sha256: string): string;
  hasObject(repo: Repo, sha256: string): boolean;
  /** Bytes. */
  objectSize(repo: Repo, sha256: string): number;
  addObject(repo: Repo, content: Buffer): string;
  /** Takes over a finished temporary file as the object `sha256`. */
  adoptObject(repo: Repo, sha256: string, tempFile: string): void;
  tempFile(name?: string): string;
  /** Bytes of all objects. */
  used(): number;
}

const TYPES: RepoType[] = ['model', 'dataset', 'space'];
const PART_LIFETIME_MS = 24 * 3600 * 1000;

export function openStore(dir: string): Store {
  const reposDir = join(dir, 'repos');
  const tempDir = join(dir, 'tmp');
  for (const folder of [reposDir, tempDir]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  clearStale(tempDir);

  // A rehearsal need not outlive a power cut, and a sync for each object would set its pace.
  const write = (file: string, content: string | Buffer): void =>
    writeWholeSync(file, content, { durable: false, asideIn: tempDir });

  const secretFile = join(dir, 'secret');
  if (!existsSync(secretFile)) write(secretFile, randomBytes(32).toString('hex'));
  const secret = Buffer.from(readFileSync(secretFile, 'utf8'), 'hex');

  const folderOf = (type: RepoType, id: string): string => join(reposDir, type, ...id.split('/'));
  const repos = new Map<string, Repo>();
  let used = 0;
  for (const type of TYPES) {
    for (const namespace of list(join(reposDir, type))) {
      for (const name of list(join(reposDir, type, namespace))) {
        const folder = join(reposDir, type, namespace, name);
        // A folder without repo.json is a creation that was killed before it was answered: as if it never was.
        if (!existsSync(join(folder, 'repo.json'))) continue;
        const repo = JSON.parse(readFileSync(join(folder, 'repo.json'), 'utf8')) as Repo;
        // The folder's name decides: a rename may have been killed before the new id was written inside.
        repo.id = `${namespace}/${name}`;
        repos.set(`${type}/${repo.id}`, repo);
        for (const object of list(join(folder, 'objects'))) {
          used += statSync(join(folder, 'objects', object)).size;
        }
      }
    }
  }

  const store: Store = {
    secret,
    find: (type, id) => repos.get(`${type}/${id}`) ?? null,
    all: () => [...repos.values()],
    save(repo) {
      write(join(folderOf(repo.type, repo.id), 'repo.json'), JSON.stringify(repo));
      repos.set(`${repo.type}/${repo.id}`, repo);
    },
    remove(repo) {
      const trash = join(tempDir, randomBytes(12).toString('hex'));
      renameSync(folderOf(repo.type, repo.id), trash);
      repos.delete(`${repo.type}/${repo.id}`);
      for (const object of list(join(trash, 'objects')))
        used -= statSync(join(trash, 'objects', object)).size;
      rmSync(trash, { recursive: true, force: true });
    },
    rename(repo, id) {
      const target = folderOf(repo.type, id);
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      renameSync(folderOf(repo.type, repo.id), target);
      repos.delete(`${repo.type}/${repo.id}`);
      repo.id = id;
      store.save(repo);
    },
    objectPath: (repo, sha256) => join(folderOf(repo.type, repo.id), 'objects', sha256),
    hasObject: (repo, sha256) => existsSync(store.objectPath(repo, sha256)),
    objectSize: (repo, sha256) => statSync(store.objectPath(repo, sha256)).size,
    addObject(repo, content) {
      const sha256 = createHash('sha256').update(content).digest('hex');
      if (!store.hasObject(repo, sha256)) {
        write(store.objectPath(repo, sha256), content);
        used += content.length;
      }
      return sha256;
    },
    adoptObject(repo, sha256, tempFile) {
      if (store.hasObject(repo, sha256)) {
        rmSync(tempFile, { force: true });
        return;
      }
      const target = store.objectPath(repo, sha256);
      mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
      const { size } = statSync(tempFile);
      renameSync(tempFile, target);
      used += size;
    },
    tempFile: (name = randomBytes(12).toString('hex')) => join(tempDir, name),
    used: () => used,
  };
  return store;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Unfinished uploads of a killed server; parts of multipart uploads live a day, so that a restart does not lose them. */
function clearStale(tempDir: string): void {
  for (const name of readdirSync(tempDir)) {
    const path = join(tempDir, name);
    const isPart = name.startsWith('upload-');
    if (isPart && Date.now() - statSync(path).mtimeMs < PART_LIFETIME_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}
