import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Metadata, TypeRegistry } from '@polkadot/types';
import { describe, expect, test, vi } from 'vitest';
import { commitmentOf } from '../../src/chain/commitments.ts';
import { metadataDigest } from '../../src/chain/polkadot.ts';
import { readRuntime, toHex } from '../../src/chain/runtime.ts';
import { signCommitment } from '../../src/chain/sign.ts';
import { createRuntime } from '../../src/sandbox/chain/metadata.ts';
import { hotkey } from './support.ts';

const RECORDED = join(import.meta.dirname, '../../../shared/chain/finney-spec424-metadata-v16.scale');

const SYNTHETIC = join(RECORDED, '../synthetic-spec446-metadata-v16.scale');

/** Digests as the reference implementation in Rust gives them (bittensor-core 0.1.5, of the same types as metadata 15). */
const DIGESTS: Record<string, string> = {
  'mainnet, spec 424': '80de37ca8c53ddbf9835d5123af60e0ef5015b3d039a6ffee0ccbb41966c864f',
};

const metadata: [string, () => Uint8Array][] = [
  ['the sandbox, current shape', () => createRuntime('current', 1000).v15],
  ['the sandbox, metadata 14', () => createRuntime('current', 1000).v14],
  ['the sandbox, shape of spec 218', () => createRuntime('old', 1000).v15],
  ['the sandbox, shape of spec 446', () => createRuntime('next', 1000).v15],
  ...(
    [
      ['mainnet, spec 424', () => readFileSync(RECORDED)],
      ['made up, spec 446', () => readFileSync(SYNTHETIC)],
    ] as [string, () => Uint8Array][]
  ).filter(() => existsSync(RECORDED)),
];

describe.each(metadata)('%s', (name, read) => {
  const bytes = read();
  const runtime = readRuntime(bytes);
  const registry = new TypeRegistry();
  // polkadot.js tells about extensions that it does not know.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  registry.setMetadata(new Metadata(registry, toHex(bytes) as `0x${string}`));

  test.each(['sr25519', 'ed25519'] as const)(
    'a signed commitment is what polkadot.js reads (%s)',
    async (cryptoType) => {
      const text = 'ns:name:0123456789012345678901234567890123456789:aGFzaA==';
      const key = hotkey(cryptoType);
      const signed = await signCommitment(9, text, key, {
        runtime,
        specVersion: 424,
        transactionVersion: 1,
        genesisHash: `0x${'11'.repeat(32)}`,
        birth: { number: 1000, hash: `0x${'22'.repeat(32)}` },
        nonce: 5,
      });
      // biome-ignore lint/suspicious/noExplicitAny: dynamic by nature
      const extrinsic = registry.createType('Extrinsic', signed.hex) as any;
      expect(extrinsic.toHex()).toBe(signed.hex);
      expect(extrinsic.hash.toHex()).toBe(signed.hash);
      expect(extrinsic.nonce.toNumber()).toBe(5);
      expect(extrinsic.signer.toString()).toBe(key.ss58);
      expect(extrinsic.era.asMortalEra.birth(1003)).toBe(1000);
      expect(extrinsic.era.asMortalEra.death(1003)).toBe(signed.death);
      const [netuid, info] = extrinsic.method.args;
      expect(netuid.toNumber()).toBe(9);
      expect(info.fields[0].type).toBe(`Raw${text.length}`);
      expect(Buffer.from(info.fields[0].value).toString()).toBe(text);
    },
  );

  test('a signed seal, and a long text where the runtime has room for one, are what polkadot.js reads', async () => {
    const context = {
      runtime,
      specVersion: 424,
      transactionVersion: 1,
      genesisHash: `0x${'11'.repeat(32)}`,
      birth: { number: 1000, hash: `0x${'22'.repeat(32)}` },
      nonce: 5,
    } as const;
    const seal = { encrypted: Uint8Array.from({ length: 315 }, (_, i) => i % 251), round: 31_000_000 };
    const fieldOf = async (body: string | typeof seal) => {
      const { hex } = await signCommitment(9, body, hotkey(), context);
      // biome-ignore lint/suspicious/noExplicitAny: dynamic by nature
      return (registry.createType('Extrinsic', hex) as any).method.args[1].fields[0];
    };
    const sealed = await fieldOf(seal);
    expect(sealed.type).toBe('TimelockEncrypted');
    expect(sealed.value.encrypted.toHex()).toBe(toHex(seal.encrypted));
    expect(sealed.value.revealRound.toNumber()).toBe(seal.round);
    const text = 'é'.repeat(200);
    const long = await fieldOf(text).catch((error: unknown) => error);
    if (long instanceof Error) expect(long).toMatchObject({ code: 'chain.unsupported' });
    else expect([long.type, Buffer.from(long.value).toString()]).toEqual(['BigRaw', text]);
    expect(long instanceof Error).toBe(!sealed.defKeys.includes('BigRaw'));
  });

  test('the digest of its metadata is what others compute', () => {
    const digest = metadataDigest(bytes);
    const hex = digest && Buffer.from(digest).toString('hex');
    if (name in DIGESTS) expect(hex).toBe(DIGESTS[name]);
    else expect(hex === null).toBe(name.includes('metadata 14'));
  });

  test('commitments of every length come back from its storage', () => {
    for (const length of [0, 1, 2, 59, 127, 128]) {
      const text = 'x'.repeat(length);
      const info = registry.createType('PalletCommitmentsRegistration', {
        deposit: 0,
        block: 77,
        info: { fields: [{ [`Raw${length}`]: `0x${Buffer.from(text).toString('hex')}` }] },
      });
      expect(commitmentOf(runtime.value('Commitments', 'CommitmentOf', info.toHex()))).toEqual({
        block: 77,
        text,
      });
    }
  });

  test('knows its limit by one rule or the other', () => {
    const space = runtime.has('Commitments', 'UsedSpaceOf');
    expect(runtime.has('Commitments', 'RateLimit')).toBe(!space);
    if (space) expect(runtime.value('Commitments', 'MaxSpace', null)).toBe(3100);
  });
});
