import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decrypt, forms, MalformedVault, WrongPassword } from '../../../src/chain/wallet/decrypt.ts';
import { FERNET_KEY, NACL_KEY, PASSWORD, sealAnsible, sealFernet, sealNacl } from './key-files.ts';

const keys = { nacl: NACL_KEY, fernet: FERNET_KEY };
const seal = { nacl: sealNacl, fernet: sealFernet, ansible: sealAnsible };

describe.each(['nacl', 'fernet', 'ansible'] as const)('%s', (name) => {
  const { open, deriveKey } = forms[name];
  const keyOf = async (sealed: Uint8Array): Promise<Uint8Array> =>
    name === 'ansible' ? deriveKey(PASSWORD, sealed) : keys[name];

  test('gives back what was sealed, of any length', async () => {
    for (const text of ['', 'x', 'y'.repeat(16), '{"a":"é"}'.repeat(40)]) {
      const sealed = seal[name](text);
      expect(Buffer.from(open(sealed, await keyOf(sealed))).toString('utf8')).toBe(text);
    }
  });

  test('a changed byte or another key never opens', async () => {
    const sealed = seal[name]('{"secretSeed":"0x00"}');
    const key = await keyOf(sealed);
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(sealed);
        const start = name === 'ansible' ? 26 : name === 'nacl' ? 5 : 0;
        const index = start + (at % (changed.length - start));
        changed[index]! ^= flip;
        let text: string | null = null;
        try {
          text = Buffer.from(open(changed, key)).toString('utf8');
        } catch (error) {
          expect(error instanceof WrongPassword || error instanceof MalformedVault).toBe(true);
        }
        // Line ends and the unused last bits of base64 carry nothing: then the content is still the sealed one.
        if (text !== null) expect(text).toBe('{"secretSeed":"0x00"}');
      }),
    );
    const other = Uint8Array.from(key).fill(1);
    expect(() => open(sealed, other)).toThrow(WrongPassword);
  });

  test('arbitrary bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => open(bytes, new Uint8Array(80))).toThrow();
      }),
    );
  });
});

test('a wrong password is told as one', async () => {
  await expect(decrypt(sealAnsible('{}'), 'ansible', 'another')).rejects.toThrow(WrongPassword);
});
