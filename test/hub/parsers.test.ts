import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConstants } from '../../src/constants.ts';
import { commitLines } from '../../src/hub/commit.ts';
import { tame } from '../../src/hub/hub-errors.ts';
import { nextLink } from '../../src/hub/link-header.ts';
import { checkFilePath, checkRepo, checkRevision, encodePath } from '../../src/hub/names.ts';
import { parseRetryAfter } from '../../src/hub/retry.ts';
import { checkTarget } from '../../src/hub/targets.ts';
import { isLoopback } from '../../src/loopback.ts';
import { asHubRepo, parseRepoId, parseRepoRef } from '../../src/rules/index.ts';
import { parseRange } from '../../src/sandbox/hub/files.ts';
import { checkRepoId } from '../../src/sandbox/hub/paths.ts';
import { Secret } from '../../src/secret.ts';
import { attack } from '../support/attack.ts';
import { memoryFile } from './support.ts';

const accepts = (check: (text: string) => unknown, text: string): boolean => {
  try {
    check(text);
    return true;
  } catch {
    return false;
  }
};

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[\w./\\ :-]{0,40}$/),
  fc.constantFrom('..', '../..', '/etc/passwd', 'a/../../b', 'a//b', './a', '~/x', 'C:\\x', '\u202e.txt'),
);

describe('file paths', () => {
  it('that are accepted stay inside any folder and survive the address', async () => {
    await attack(
      'paths of files',
      fc.property(anyText, (path) => {
        if (!accepts(checkFilePath, path)) return;
        const joined = posix.join('/root', path);
        expect(joined.startsWith('/root/')).toBe(true);
        expect(joined).toBe(`/root/${path}`);
        expect(path).not.toMatch(/[\p{Cc}\p{Cf}\\]/u);
        const url = new URL(`http://127.0.0.1/a/b/resolve/main/${encodePath(path)}`);
        expect(decodeURIComponent(url.pathname)).toBe(`/a/b/resolve/main/${path}`);
        expect(url.search + url.hash).toBe('');
      }),
      { short: 3000 },
    );
  });

  it('of real repositories are accepted', () => {
    for (const path of [
      'model-00001-of-00003.safetensors',
      'a b/c+d.json',
      '.gitattributes',
      'ünï/çode.txt',
      '1_Pooling/config.json',
    ])
      expect(accepts(checkFilePath, path)).toBe(true);
  });
});

describe('repository names and revisions', () => {
  it('that are accepted stand in an address unchanged', async () => {
    await attack(
      'names of repositories and revisions',
      fc.property(anyText, anyText, (a, b) => {
        const repo = `${a}/${b}`;
        if (accepts(checkRepo, repo))
          expect(new URL(`http://h/api/models/${repo}/x`).pathname).toBe(`/api/models/${repo}/x`);
        if (accepts(checkRevision, a))
          expect(decodeURIComponent(new URL(`http://h/${encodeURIComponent(a)}/x`).pathname)).toBe(`/${a}/x`);
      }),
      { short: 2000 },
    );
  });

  it.each([
    'a',
    'a/b/c',
    '/b',
    'a/',
    'a/..',
    '../b',
    'a/b--c',
    'a/b.git',
    'a b/c',
    'a/b?x',
    'a/b#c',
    'a/%2e%2e',
    'a/b\n',
  ])('refuses %j', (repo) => expect(accepts(checkRepo, repo)).toBe(false));
});

/** Names made of what the rules are about, so that most are nearly right. */
const nearlyName = fc
  .array(
    fc.constantFrom('a', 'B', '7', '_', '-', '.', '/', '.git', '.ipynb', 'b'.repeat(47), ' ', 'é', '\n'),
    {
      minLength: 1,
      maxLength: 9,
    },
  )
  .map((parts) => parts.join(''));

describe('a repository name', () => {
  it('is the same to the rules, the Hub client and the sandbox, whatever it is', async () => {
    const profile = { ...loadConstants().profiles['3.2'], repo: { min_chars: 0, max_chars: 1000 } };
    await attack(
      'names of repositories: rules, client and sandbox agree',
      fc.property(fc.oneof(anyText, nearlyName), fc.oneof(anyText, nearlyName), (a, b) => {
        const repo = `${a}/${b}`;
        const fine = accepts(checkRepo, repo);
        expect(parseRepoRef(repo)?.repo === repo).toBe(fine);
        expect(asHubRepo(a, b) === repo).toBe(fine);
        expect(accepts((text) => parseRepoId(profile, text), repo)).toBe(fine);
        expect(accepts(checkRepoId, repo)).toBe(fine);
      }),
      { short: 5000 },
    );
  });

  it.each(['me/_x', '_me/x', 'me/x_', 'a/b', `a/${'b'.repeat(96)}`, 'me.git/x'])('may be %j', (repo) => {
    expect(checkRepo(repo)).toBe(repo);
    expect(parseRepoRef(repo)).toEqual({ repo, revision: null });
  });

  it.each([`a/${'b'.repeat(97)}`, 'a/b.ipynb', 'me/-x', 'me/x.', 'm--e/x'])('may not be %j', (repo) => {
    expect(accepts(checkRepo, repo)).toBe(false);
    expect(parseRepoRef(repo)).toBeNull();
  });
});

describe('Link headers', () => {
  it('never throw, and give absolute addresses', async () => {
    await attack(
      'Link headers',
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[<>;,="a-z/ ]{0,60}$/)), (header) => {
        const next = nextLink(header, 'http://127.0.0.1/x');
        if (next !== null) expect(() => new URL(next)).not.toThrow();
      }),
      { short: 2000 },
    );
  });

  it('give back the next page among others', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), fc.boolean(), (url, quoted) => {
        fc.pre(!/[<>]/.test(url));
        const rel = quoted ? '"next"' : 'next';
        const header = `<http://h/first>; rel="first", <${url}>; title="a, b"; rel=${rel}, <http://h/last>; rel="last"`;
        expect(nextLink(header, 'http://h')).toBe(new URL(url).href);
      }),
    );
    expect(nextLink('</api?cursor=2>; rel="next"', 'http://h/api')).toBe('http://h/api?cursor=2');
    expect(nextLink('<http://h/x>; rel="prev"', 'http://h')).toBeNull();
    expect(nextLink(null, 'http://h')).toBeNull();
  });

  it('are read in time that grows with their length only', () => {
    const started = Date.now();
    nextLink('<'.repeat(16_000), 'http://h');
    nextLink(`<a>${'; a=b '.repeat(2_600)}`, 'http://h');
    nextLink(`<a>${' '.repeat(16_000)}`, 'http://h');
    expect(Date.now() - started).toBeLessThan(1_000);
  });
});

describe('Retry-After', () => {
  it('is seconds or a date, never negative, else nothing', async () => {
    await attack(
      'Retry-After',
      fc.property(fc.string(), (text) => {
        const ms = parseRetryAfter(text);
        expect(ms === null || (Number.isFinite(ms) && ms >= 0)).toBe(true);
      }),
      { short: 1000 },
    );
    expect(parseRetryAfter('2')).toBe(2000);
    expect(parseRetryAfter(' 0.5 ')).toBe(500);
    const now = Date.parse('2026-01-01T00:00:00Z');
    expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:10 GMT', now)).toBe(10_000);
    expect(parseRetryAfter('Wed, 31 Dec 2025 00:00:10 GMT', now)).toBe(0);
    for (const text of ['', 'soon', '-1', '1e9', null, undefined]) expect(parseRetryAfter(text)).toBeNull();
  });
});

describe('commit lines', () => {
  it('are one JSON object a line, whatever the names and contents', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary' }),
        fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 })), {
          maxLength: 5,
        }),
        async (message, entries) => {
          const files = entries.map(([path, bytes]) => memoryFile(path, bytes));
          const text = await commitLines({
            message,
            parentCommit: 'p',
            regular: files,
            lfs: files,
            deletePaths: entries.map(([path]) => path),
          });
          expect(text.endsWith('\n')).toBe(true);
          const lines = text
            .slice(0, -1)
            .split('\n')
            .map((line) => JSON.parse(line));
          expect(lines).toHaveLength(1 + 3 * entries.length);
          expect(lines[0]).toEqual({
            key: 'header',
            value: { summary: message, description: '', parentCommit: 'p' },
          });
          entries.forEach(([path, bytes], i) => {
            expect(lines[1 + i].value.path).toBe(path);
            expect(Buffer.from(lines[1 + i].value.content, 'base64').equals(bytes)).toBe(true);
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('what servers say', () => {
  it('becomes one short line without control characters or the token', async () => {
    await attack(
      'what servers say, shown',
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (before, after) => {
        const line = tame(`${before}${new Secret('hf_verysecret').reveal()}${after}`);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(line).not.toContain('hf_verysecret');
        expect(line.length).toBeLessThanOrEqual(200);
      }),
      { short: 1000 },
    );
  });
});

describe('addresses', () => {
  it('of this machine are told by their name alone', () => {
    for (const url of [
      'http://127.0.0.1:1',
      'http://localhost',
      'http://[::1]:5',
      'http://127.9.9.9',
      'http://2130706433',
      'http://0x7f.1',
    ])
      expect(isLoopback(new URL(url))).toBe(true);
    for (const url of [
      'http://127.0.0.1.nip.io',
      'http://localhost.x',
      'http://0.0.0.0',
      'http://128.0.0.1',
      'http://[::2]',
      'http://localhost@h',
    ])
      expect(isLoopback(new URL(url))).toBe(false);
  });

  it('of a real Hub never lead back to this machine, nor from https to http', () => {
    const hub = new URL('https://hub.example');
    expect(() => checkTarget(new URL('https://cdn.example/x'), hub, false)).not.toThrow();
    expect(() => checkTarget(new URL('http://cdn.example/x'), hub, false)).toThrow(/not encrypted/);
    expect(() => checkTarget(new URL('https://localhost/x'), hub, false)).toThrow(/this machine/);
    expect(() => checkTarget(new URL('file:///etc/passwd'), hub, false)).toThrow(/not an HTTP address/);
  });
});

describe('the sandbox reads ranges', () => {
  it('as the file has them, or not at all', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.option(fc.nat(1200)), fc.option(fc.nat(1200)), (size, first, last) => {
        const range = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size);
        if (range === null || range === 'unsatisfiable') return;
        const [start, end] = range;
        expect(start).toBeGreaterThanOrEqual(0);
        expect(end).toBeGreaterThan(start);
        expect(end).toBeLessThanOrEqual(size);
        if (first !== null) expect(start).toBe(first);
      }),
    );
    expect(parseRange('bytes=0-3', 10)).toEqual([0, 4]);
    expect(parseRange('bytes=-3', 10)).toEqual([7, 10]);
    expect(parseRange('bytes=10-', 10)).toBe('unsatisfiable');
    expect(parseRange('bytes=0-1,4-5', 10)).toBeNull();
    expect(parseRange('lines=0-1', 10)).toBeNull();
  });
});
