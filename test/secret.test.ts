import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../src/errors.ts';
import { knowAddress, knowEnvironment, mask, maskAll, Secret, withoutSecrets } from '../src/secret.ts';
import { resolveSettings } from '../src/settings/index.ts';
import { root, runPt } from './commands/run-pt.ts';
import vectors from './secret-vectors.json' with { type: 'json' };

const TOKEN = 'x9-Quite.Odd_looking+token/4711';
const KEY = 'aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY';
const HEX = '0123456789abcdef0123456789abcdef';

describe('a secret', () => {
  test('prints nowhere, and only reveal() gives it out', () => {
    const secret = new Secret(TOKEN);
    expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })}`).not.toContain('Odd_looking');
    expect(secret.reveal()).toBe(TOKEN);
  });

  // In a process of its own: what is known once is known for good.
  test.each(vectors)('is masked as python/trainer/secret.py does: $text', ({ env, text, masked }) => {
    const program = `
      const { knowEnvironment, mask } = await import(${JSON.stringify(join(root, 'dist/secret.js'))});
      knowEnvironment(process.env);
      process.stdout.write(mask(${JSON.stringify(text)}));`;
    const args = ['--input-type=module', '--eval', program];
    expect(execFileSync(process.execPath, args, { env, encoding: 'utf8' })).toBe(masked);
  });

  test('is known once it is made: in no text, plain, in an address, as JSON', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 60 }),
        fc.string(),
        fc.string(),
        (value, before, after) => {
          // A value of stars would be found in the mask itself.
          fc.pre(!/^[*\s]*$/.test(value) && !'***'.includes(value) && !before.includes(value));
          new Secret(value);
          for (const form of [value, encodeURIComponent(value), JSON.stringify(value)])
            expect(mask(`${before} ${form} ${after}`)).not.toContain(value);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('stands in no error, whatever made it: message, steps', () => {
    new Secret(TOKEN);
    const error = new UserError('x.y', `refused ${TOKEN}`, { nextSteps: [`curl -H ${TOKEN}`] });
    expect(error.message).toBe('refused ***');
    expect(error.nextSteps).toEqual(['curl -H ***']);
  });

  test('of the environment is known by the name of its variable; paths and ordinary words are none', () => {
    knowEnvironment({
      SOME_API_KEY: 'value-of-the-key',
      HF_TOKEN_PATH: '/home/me/token-file',
      MY_KEY: '/home/me/key.pem',
      SHORT_TOKEN: 'abc',
      TOKENIZERS_PARALLELISM: 'switched-off',
      // As `pt sandbox env` exports it: taken for a secret, every "default" in wallet paths, --json and settings.json turned into stars.
      PT_WALLET_HOTKEY: 'default',
      bt_wallet_hotkey: 'validator',
      SSH_PUBLIC_KEY: 'ssh-ed25519 AAAA',
    });
    const open = '/home/me/token-file /home/me/key.pem abc switched-off default validator ssh-ed25519 AAAA';
    expect(mask(`value-of-the-key ${open}`)).toBe(`*** ${open}`);
  });

  test('deep inside a value; what is no text stays what it is', () => {
    new Secret(TOKEN);
    const at = new Date(0);
    expect(maskAll({ a: [{ b: TOKEN, n: 1, z: null, at }] })).toEqual({
      a: [{ b: '***', n: 1, z: null, at }],
    });
  });
});

describe('addresses', () => {
  test.each([
    [`wss://node.example/${KEY}`, 'wss://node.example/***'],
    ['wss://node.example:9944/short', 'wss://node.example:9944/***'],
    [`wss://node.example/?apikey=${KEY}`, 'wss://node.example/***'],
    [`wss://me:${KEY}@node.example`, 'wss://***@node.example'],
    [`https://me:${KEY}@hub.example/x`, 'https://***@hub.example/x'],
    [`https://hub.example/v1/${HEX}`, 'https://hub.example/v1/***'],
    [`https://hub.example/v1/${KEY}/api`, 'https://hub.example/v1/***/api'],
    ['https://hub.example/0f8fad5b-d9cb-469f-a165-70867728950e/x', 'https://hub.example/***/x'],
    ['https://s3.example/b?X-Amz-Signature=abc&part=1', 'https://s3.example/b?X-Amz-Signature=***&part=1'],
    [
      `(see https://hub.example/${KEY}), and wss://n.example/${KEY}.`,
      '(see https://hub.example/***), and wss://n.example/***.',
    ],
  ])('%s is shown as %s', (address, shown) => {
    expect(mask(address)).toBe(shown);
    expect(mask(mask(address))).toBe(shown);
  });

  test.each([
    'ws://127.0.0.1:9944',
    'wss://entrypoint-finney.opentensor.ai:443',
    'wss://node.example/',
    'https://huggingface.co/me/Meta-Llama-3-8B-Instruct-of-2024/tree/main',
    `https://huggingface.co/me/x/tree/${'0123456789'.repeat(4)}`,
    `https://huggingface.co/me/x/resolve/${'a1'.repeat(20)}/model-00001-of-00002.safetensors`,
    `http://127.0.0.1:8080/me/x/objects/${'0a'.repeat(32)}`,
    'https://huggingface.co/api/models?limit=1&search=llama',
    'Nothing of the kind: key=value, 12:30, a/b/c.',
  ])('%s stays as it is', (text) => expect(mask(text)).toBe(text));

  test('whatever key stands in whatever place of an endpoint is not shown; the host is', () => {
    const key = fc.oneof(
      fc.stringMatching(/^[0-9a-f]{32}$/).filter((text) => /\d/.test(text) && /[a-f]/.test(text)),
      fc.stringMatching(/^[A-Za-z0-9]{28,44}$/).filter((text) => /\d/.test(text) && /[A-Z]/.test(text)),
      fc.uuid(),
    );
    const place = fc.constantFrom<(host: string, key: string) => string>(
      (host, k) => `wss://${host}/${k}`,
      (host, k) => `wss://${host}/v3/${k}/ws`,
      (host, k) => `wss://${host}?token=${k}`,
      (host, k) => `https://${host}/v1/${k}`,
      (host, k) => `https://${host}/?apikey=${k}`,
      (host, k) => `https://user:${k}@${host}`,
      (host, k) => `https://${k}@${host}/hub`,
    );
    fc.assert(
      fc.property(
        fc.domain(),
        key,
        place,
        fc.constantFrom('', '"', ' ', ')', ': refused'),
        (host, k, make, after) => {
          const shown = mask(`at ${make(host, k)}${after}`);
          expect(shown).not.toContain(k);
          expect(shown).toContain(host);
        },
      ),
    );
  });

  test('a key of an address that settings name is known without the address too', () => {
    knowAddress('wss://node.example/v1/QuiteALongKeyOf2026');
    expect(mask('GET /v1/QuiteALongKeyOf2026 failed')).toBe('GET /v1/*** failed');
  });
});

describe('where it is shown', () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'pt-secret-'));
    mkdirSync(join(home, 'pt'));
    writeFileSync(join(home, '.env'), `HF_TOKEN=${TOKEN}\nWANDB_API_KEY=${TOKEN}2\n`);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const pt = (args: string[]) => runPt(args, { env: { PT_HOME: join(home, 'pt') }, cwd: home });

  test('settings, as config show prints and settings.json keeps them', () => {
    const { rows } = resolveSettings({
      flags: { network: `wss://node.example/${KEY}`, 'hub-endpoint': `http://127.0.0.1:1/v1/${HEX}` },
      env: { PT_HOME: join(home, 'pt') },
      cwd: home,
      home,
    });
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`${KEY}|${HEX}|Odd_looking`));
    expect(rows.find(({ key }) => key === 'network')?.value).toBe('wss://node.example/***');
  });

  test.each([
    ['a token of .env, mistyped as an argument', ['train', TOKEN]],
    ['the same as a command', [TOKEN]],
    ['the same with --json', ['train', TOKEN, '--json']],
    ['an endpoint with a key that nobody answers', ['status', '--network', `ws://127.0.0.1:1/${KEY}`]],
    ['the same with --json', ['status', '--network', `ws://127.0.0.1:1/${KEY}`, '--json']],
    [
      'doctor',
      [
        'doctor',
        '--offline',
        '--network',
        `ws://127.0.0.1:1/${KEY}`,
        '--hub-endpoint',
        `http://127.0.0.1:1/v1/${HEX}`,
      ],
    ],
    ['config show', ['config', 'show', '--network', `ws://127.0.0.1:1/${KEY}`]],
    ['a bad address', ['config', 'show', '--hub-endpoint', `ftp://me:${KEY}@host/${HEX}`]],
  ])(
    '%s',
    async (_, args) => {
      const { stdout, stderr } = await pt(args);
      expect(`${stdout}${stderr}`).not.toBe('');
      expect(`${stdout}${stderr}`).not.toMatch(new RegExp(`${KEY}|${HEX}|Odd_looking`));
    },
    60_000,
  );
});

test('a child that needs no secret gets none, by name or by content', () => {
  new Secret('hunter2-hunter2');
  const env = {
    ...{
      PATH: '/bin',
      HOME: '/h',
      PT_WALLET_HOTKEY: 'default',
      SSH_PUBLIC_KEY: 'ssh-rsa x',
      HF_TOKEN_PATH: '/t',
    },
    ...{ HF_TOKEN: 'x', MY_SECRET: 'sesame', WALLET: 'hunter2-hunter2', HTTPS_PROXY: 'http://me:pw@proxy:1' },
    ...{ NODE: 'wss://node.example/k3y', OTHER: 'hf_abcdefghijkl' },
  };
  expect(Object.keys(withoutSecrets(env))).toEqual([
    ...['PATH', 'HOME', 'PT_WALLET_HOTKEY', 'SSH_PUBLIC_KEY', 'HF_TOKEN_PATH'],
  ]);
});
