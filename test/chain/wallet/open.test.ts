import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Keyring } from '@polkadot/api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWallet, findHotkeys, type Hotkey, openHotkey } from '../../../src/chain/index.ts';
import { createHotkey } from '../../../src/chain/wallet/keypair.ts';
import { UserError } from '../../../src/errors.ts';
import { Secret } from '../../../src/secret.ts';
import { attack } from '../../support/attack.ts';
import { errorOf, temporaryFolder } from '../support.ts';
import { ALICE, derivedFile, PASSWORD, sealAnsible, sealFernet, sealNacl, writeHotkey } from './key-files.ts';

const giving = (password: string) => async () => new Secret(password);

/** Verifies with an implementation that is not ours (schnorrkel in WebAssembly). */
function verifies({ ss58, cryptoType, publicKey, sign }: Hotkey): boolean {
  const message = new TextEncoder().encode('a message');
  const pair = new Keyring({ type: cryptoType, ss58Format: 42 }).addFromAddress(publicKey);
  return (
    pair.address === ss58 &&
    pair.verify(message, sign(message), publicKey) &&
    !pair.verify(new Uint8Array([1]), sign(message), publicKey)
  );
}

async function opened(content: string | Uint8Array, password?: string): Promise<Hotkey> {
  const path = await temporaryFolder();
  await writeHotkey(path, 'w', 'h', content);
  return openHotkey({ path, name: 'w', hotkey: 'h' }, password === undefined ? undefined : giving(password));
}

describe('openHotkey', () => {
  test('a key derived from a path, which has only a private key', async () => {
    const key = await opened(derivedFile());
    expect(key.ss58).toBe(ALICE.ss58);
    expect(verifies(key)).toBe(true);
  });

  test('a seed with 0x and without, and fields that nobody knows', async () => {
    for (const secretSeed of [ALICE.seed, ALICE.seed.slice(2)]) {
      const key = await opened(JSON.stringify({ secretSeed, cryptoType: 1, secretPhrase: null, more: [1] }));
      expect(key.ss58).toBe(ALICE.ss58);
      expect(verifies(key)).toBe(true);
    }
  });

  test('ed25519 from seed and from private key', async () => {
    const seed = `0x${'07'.repeat(32)}`;
    for (const field of ['secretSeed', 'privateKey']) {
      const key = await opened(JSON.stringify({ [field]: seed, cryptoType: 0 }));
      expect(key.cryptoType).toBe('ed25519');
      expect(verifies(key)).toBe(true);
    }
  });

  test('an address that is not its public key’s is not believed', async () => {
    const path = await temporaryFolder();
    const other = createHotkey('other', { cryptoType: 'sr25519', secret: new Uint8Array(32).fill(7) });
    const file = JSON.parse(derivedFile());
    const wrong = { ...file, publicKey: `0x${Buffer.from(other.publicKey).toString('hex')}` };
    const broken = {
      ...file,
      ss58Address: file.ss58Address.replace(/.$/, file.ss58Address.endsWith('1') ? '2' : '1'),
    };
    for (const [name, content] of Object.entries({ fits: file, wrong, broken }))
      await writeHotkey(path, 'w', name, JSON.stringify(content));
    const found = (await findHotkeys(path)).map(({ hotkey, ss58, addressDiffers }) => [
      hotkey,
      ss58,
      addressDiffers,
    ]);
    expect(found).toEqual([
      ['broken', null, true],
      ['fits', file.ss58Address, false],
      ['wrong', null, true],
    ]);
  });

  test.skipIf(process.platform === 'win32')('a pipe is refused at once, not waited for', async () => {
    const path = await temporaryFolder();
    await writeHotkey(path, 'w', 'h', derivedFile());
    for (const name of ['pipe', 'h2pub.txt']) execFileSync('mkfifo', [join(path, 'w', 'hotkeys', name)]);
    const error = await errorOf(openHotkey({ path, name: 'w', hotkey: 'pipe' }));
    expect(error).toMatchObject({ code: 'wallet.malformed', exitCode: 4 });
    expect((await findHotkeys(path)).map(({ hotkey }) => hotkey)).toContain('h');
  });

  test('Ansible Vault', async () => {
    expect((await opened(sealAnsible(derivedFile()), PASSWORD)).ss58).toBe(ALICE.ss58);
  });

  test('Fernet, derived key and all', async () => {
    expect((await opened(sealFernet(derivedFile()), PASSWORD)).ss58).toBe(ALICE.ss58);
  });

  // Half a gibibyte and seconds of a core; `decrypt.test.ts` opens the same box with the recorded key.
  test.runIf(process.env.PT_SLOW)('NaCl, derived key and all', { timeout: 300_000 }, async () => {
    expect((await opened(sealNacl(derivedFile()), PASSWORD)).ss58).toBe(ALICE.ss58);
  });

  test('the password is not asked for a plain file, and never shows up in an error', async () => {
    const path = await temporaryFolder();
    await writeHotkey(path, 'w', 'h', derivedFile());
    await openHotkey({ path, name: 'w', hotkey: 'h' }, () => expect.unreachable());
    const error = await errorOf(opened(sealAnsible(derivedFile()), 'hunter2'));
    expect(error).toMatchObject({ code: 'wallet.password', exitCode: 4 });
    expect(JSON.stringify([error, error.message, String((error as unknown as Error).cause)])).not.toContain(
      'hunter2',
    );
  });

  test('an encrypted file without anyone to ask', async () => {
    expect(await errorOf(opened(sealAnsible(derivedFile())))).toMatchObject({
      code: 'wallet.password',
      exitCode: 4,
    });
  });

  test.each([
    ['empty', ''],
    ['not JSON', 'hello'],
    ['an array', '[]'],
    ['no secret', JSON.stringify({ ss58Address: ALICE.ss58, publicKey: ALICE.publicKey })],
    ['bad hex', JSON.stringify({ secretSeed: '0xzz' })],
    ['a short seed', JSON.stringify({ secretSeed: '0x1234' })],
    ['an unknown type', JSON.stringify({ secretSeed: ALICE.seed, cryptoType: 2 })],
    [
      'another address',
      JSON.stringify({
        secretSeed: ALICE.seed,
        ss58Address: '5FZFaQzWLAqXfxvBcVmo8HwAbNmE64q1LPHmV8J77yDdiVLF',
      }),
    ],
    ['another public key', JSON.stringify({ secretSeed: ALICE.seed, publicKey: `0x${'11'.repeat(32)}` })],
    ['a scalar that is too large', JSON.stringify({ privateKey: `0x${'ff'.repeat(64)}` })],
    ['a truncated vault', '$ANSIBLE_VAULT;1.1;AES256\n6162'],
    ['a truncated NaCl box', '$NACLabc'],
  ])('malformed: %s', async (_, content) => {
    const error = await errorOf(opened(content, 'x'));
    expect(error).toMatchObject({ exitCode: 4 });
    expect(['wallet.malformed', 'wallet.password']).toContain(error.code);
    expect(error.message).not.toContain(ALICE.seed.slice(2));
  });

  test('arbitrary contents end in an error of ours that quotes none of them', async () => {
    const path = await temporaryFolder();
    await attack(
      'key files',
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.json().map((text) => Buffer.from(text)),
          fc
            .record(
              {
                secretSeed: fc.anything(),
                privateKey: fc.anything(),
                cryptoType: fc.constantFrom(0, 1, '1', null),
              },
              { requiredKeys: [] },
            )
            .map((file) => Buffer.from(JSON.stringify(file) ?? '')),
        ),
        async (content) => {
          fc.pre(!Buffer.from(content).toString('latin1').startsWith('gAAAAA') && content[0] !== 0x24);
          await writeHotkey(path, 'w', 'h', content);
          const error = await openHotkey({ path, name: 'w', hotkey: 'h' }).catch((thrown: unknown) => thrown);
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).code).toBe('wallet.malformed');
        },
      ),
      { short: 60 },
    );
  });

  test.each(['', '.', '..', '../x', 'a/b', 'a\\b', 'a\0b', '/etc/passwd', 'x'.repeat(300)])(
    '%j is no name',
    async (bad) => {
      const path = await temporaryFolder();
      expect(await errorOf(openHotkey({ path, name: bad, hotkey: 'h' }))).toMatchObject({
        code: 'wallet.bad_name',
        exitCode: 4,
      });
      expect(await errorOf(openHotkey({ path, name: 'w', hotkey: bad }))).toMatchObject({
        code: 'wallet.bad_name',
        exitCode: 4,
      });
    },
  );

  test('what is missing is named, with what is there and what was meant', async () => {
    const path = await temporaryFolder();
    expect(await errorOf(openHotkey({ path, name: 'default', hotkey: 'default' }))).toMatchObject({
      code: 'wallet.missing',
      exitCode: 4,
    });
    await writeHotkey(path, 'miner', 'first', derivedFile());
    await writeHotkey(path, 'miner', 'second', derivedFile());
    const wallet = await errorOf(openHotkey({ path, name: 'minor', hotkey: 'first' }));
    expect(wallet).toMatchObject({ code: 'wallet.missing' });
    expect(wallet.message).toContain('miner/first, miner/second');
    expect(wallet.nextSteps[0]).toBe('--wallet-name miner --wallet-hotkey first');
    const missing = await errorOf(openHotkey({ path, name: 'miner', hotkey: 'secnod' }));
    expect(missing).toMatchObject({ code: 'hotkey.missing' });
    expect(missing.nextSteps[0]).toBe('--wallet-name miner --wallet-hotkey second');
  });

  test('a folder, a huge file and a file that may not be read', async () => {
    const path = await temporaryFolder();
    await mkdir(join(path, 'w', 'hotkeys', 'folder'), { recursive: true });
    await writeFile(join(path, 'w', 'hotkeys', 'huge'), Buffer.alloc(100_000, '{'));
    for (const hotkey of ['folder', 'huge'])
      expect((await errorOf(openHotkey({ path, name: 'w', hotkey }))).exitCode).toBe(4);
    const file = await writeHotkey(path, 'v', 'closed', derivedFile());
    await chmod(file, 0);
    // root reads everything
    if (process.getuid?.() !== 0)
      expect(await errorOf(openHotkey({ path, name: 'v', hotkey: 'closed' }))).toMatchObject({
        code: 'wallet.unreadable',
      });
  });
});

describe('findHotkeys', () => {
  test('lists every form with what its file tells, and no public halves', async () => {
    const path = await temporaryFolder();
    await writeHotkey(path, 'b', 'plain', derivedFile(), 0o644);
    await chmod(join(path, 'b', 'hotkeys', 'plain'), 0o644);
    await writeHotkey(path, 'a', 'locked', sealNacl(derivedFile()));
    await writeFile(
      join(path, 'a', 'hotkeys', 'lockedpub.txt'),
      JSON.stringify({ ss58Address: ALICE.ss58, cryptoType: 1 }),
    );
    await writeHotkey(path, 'a', 'vault', sealAnsible(derivedFile()));
    await writeHotkey(path, 'a', 'junk', 'junk');
    await writeFile(join(path, 'stray'), '');
    const found = await findHotkeys(path);
    expect(
      found.map(({ wallet, hotkey, encryption, ss58, worldReadable }) => [
        wallet,
        hotkey,
        encryption,
        ss58,
        worldReadable,
      ]),
    ).toEqual([
      ['a', 'junk', 'none', null, false],
      ['a', 'locked', 'nacl', ALICE.ss58, false],
      ['a', 'vault', 'ansible', null, false],
      ['b', 'plain', 'none', ALICE.ss58, true],
    ]);
    expect(JSON.stringify(found)).not.toContain(ALICE.privateKey.slice(2));
    expect(await findHotkeys(join(path, 'nowhere'))).toEqual([]);
  });
});

describe('createWallet', () => {
  test('makes a hotkey file that opens by seed and by private key, for its owner only', async () => {
    const path = await temporaryFolder();
    const made = await createWallet({ path, name: 'sandbox', hotkey: 'miner' });
    expect(verifies(made)).toBe(true);
    const [file] = await findHotkeys(path);
    expect(file).toMatchObject({ wallet: 'sandbox', hotkey: 'miner', ss58: made.ss58, worldReadable: false });
    expect(existsSync(join(path, 'sandbox', 'coldkey'))).toBe(false);
    const { secretSeed, ...rest } = JSON.parse(
      await (await import('node:fs/promises')).readFile(file!.file, 'utf8'),
    );
    expect(secretSeed).toMatch(/^0x[0-9a-f]{64}$/);
    const byPrivateKey = await opened(JSON.stringify(rest));
    expect(byPrivateKey.ss58).toBe(made.ss58);
    expect(verifies(byPrivateKey)).toBe(true);
    await expect(createWallet({ path, name: 'sandbox', hotkey: 'miner' })).rejects.toMatchObject({
      code: 'EEXIST',
    });
  });
});

test('every seed signs so that others verify', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom('sr25519' as const, 'ed25519' as const),
      (secret, cryptoType) => verifies(createHotkey('x', { cryptoType, secret })),
    ),
    { numRuns: 12 },
  );
});

const RECORDED = join(import.meta.dirname, '../../../../shared/wallets');
describe.runIf(existsSync(join(RECORDED, 'throwaway')))('files that bittensor-wallet wrote', () => {
  test.each([
    ['plain', '', '5FZFaQzWLAqXfxvBcVmo8HwAbNmE64q1LPHmV8J77yDdiVLF'],
    ['uri_alice', '', ALICE.ss58],
    ['ed25519', '', '5EpK57qYA4UinTe8CJiuieQUEKcFbhaqsxQ2yUBNf3UWHUid'],
    ['enc_ansible', 'legacy-pass-1', '5FZFaQzWLAqXfxvBcVmo8HwAbNmE64q1LPHmV8J77yDdiVLF'],
    ...(process.env.PT_SLOW
      ? [
          ['enc_fernet', 'fernet-pass-1', '5FZFaQzWLAqXfxvBcVmo8HwAbNmE64q1LPHmV8J77yDdiVLF'],
          ['enc_nacl', 'hot-pass-1', '5EegBF9hwq87Sv9QzJcd47Ln8wy4niT82Cxp37thVxnV7qwj'],
        ]
      : []),
  ])('%s', { timeout: 300_000 }, async (hotkey, password, ss58) => {
    const key = await openHotkey({ path: RECORDED, name: 'throwaway', hotkey: hotkey! }, giving(password!));
    expect(key.ss58).toBe(ss58);
    expect(verifies(key)).toBe(true);
  });
});
