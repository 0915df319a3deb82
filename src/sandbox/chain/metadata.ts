import { blake2b } from '@noble/hashes/blake2.js';
import { merkleizeMetadata } from '@polkadot-api/merkleize-metadata';
import {
  denormalizeLookup,
  getDynamicBuilder,
  getLookupCodecBuilder,
  getLookupFn,
} from '@polkadot-api/metadata-builders';
import { type Codec, metadata as metadataCodec, unifyMetadata } from '@polkadot-api/substrate-bindings';
import { internTypes } from './intern-types.ts';
import { metagraphTypes } from './metagraph-types.ts';
import { palletTypes } from './pallet-types.ts';
import {
  isOld,
  type Pallet,
  pallets as palletsOf,
  type RuntimeShape,
  runtimeApisOf,
  signedExtensionsOf,
  specVersion,
} from './pallets.ts';
import { baseTypes, dataVariants, type TypeTable } from './type-table.ts';

const MAGIC = 0x6174656d; // "meta"

// The codec's own types are unions of dozens of arms; what we build here is checked by encoding it.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Loose = any;

/** Everything that the node and its clients need to know of one runtime. */
export interface Runtime {
  shape: RuntimeShape;
  specVersion: number;
  transactionVersion: number;
  /** SCALE of the whole metadata, magic included. */
  v14: Uint8Array;
  v15: Uint8Array;
  /** The digest of its metadata (RFC-78) that a runtime is built with; null for the older shapes, which stand for those built without one. */
  digest(): Uint8Array | null;
  /** Codecs of storage items and runtime calls. */
  builder: ReturnType<typeof getDynamicBuilder>;
  /** The codec of a type text. A composite of one field is that field; `[u8;N]` is hex, but `[u8;1]` a number and `[u8;0]` nothing. */
  codec(type: string): Codec<Loose>;
  pallets: Pallet[];
  /** `Core_version`, in the metadata's field names. */
  version: Record<string, unknown>;
}

const API_VERSIONS: Record<string, number> = {
  Core: 5,
  Metadata: 2,
  AccountNonceApi: 1,
  TransactionPaymentApi: 4,
  NeuronInfoRuntimeApi: 1,
  SubnetRegistrationRuntimeApi: 1,
  SubnetInfoRuntimeApi: 1,
};

/** What spec 446 keeps of a seal that it could not open. */
const failedSeals: TypeTable = {
  Data: {
    path: 'pallet_commitments::types::Data',
    variants: { ...dataVariants, TimelockRevealFailed: { encrypted: 'Vec<u8>', reveal_round: 'u64' } },
  },
  RevealFailure: {
    path: 'pallet_commitments::RevealFailure',
    variants: {
      SignatureDeserialize: [],
      CiphertextDeserialize: [],
      Decrypt: [],
      EmptyPlaintext: [],
      PulseExpired: [],
    },
  },
};

/** The 8-byte id by which clients know a runtime API. */
const apiId = (name: string): Uint8Array => blake2b(new TextEncoder().encode(name), { dkLen: 8 });

/** Builds the runtime's metadata in both versions, with the codecs that follow from it. */
export function createRuntime(shape: RuntimeShape, blockTimeMs: number): Runtime {
  const list = palletsOf(shape, blockTimeMs);
  const table: TypeTable = {
    ...baseTypes,
    ...metagraphTypes,
    ...palletTypes(list),
    ...(shape === 'next' ? failedSeals : {}),
  };
  const [signedExtensions, runtimeApis] = [signedExtensionsOf(shape), runtimeApisOf(shape)];
  const extra = `(${signedExtensions.map(([, type]) => type).join(',')})`;
  const types = internTypes(table, { Extra: extra, ...(isOld(shape) ? { NetUid: 'u16' } : {}) });

  const version = {
    spec_name: 'node-subtensor',
    impl_name: 'pt-sandbox',
    authoring_version: 1,
    spec_version: specVersion[shape],
    impl_version: 1,
    apis: Object.keys(runtimeApis).map((name) => [hexOf(apiId(name)), API_VERSIONS[name]!]),
    transaction_version: 1,
    system_version: 1,
  };

  const skeleton = (withConstants: (type: number, value: unknown) => string): Loose => {
    const idOrNone = (name: string, kind: string): number | undefined =>
      table[`${name}${kind}`] ? types.idOf(`${name}${kind}`) : undefined;
    const palletList = list.map((pallet) => ({
      docs: [],
      name: pallet.name,
      index: pallet.index,
      storage: {
        prefix: pallet.name,
        items: Object.entries(pallet.storage).map(([name, item]) => ({
          name,
          modifier: item.fallback === undefined ? 0 : 1,
          type: item.keys
            ? {
                tag: 'map',
                value: {
                  hashers: item.keys.map(([hasher]) => ({ tag: hasher, value: undefined })),
                  key: types.idOf(
                    item.keys.length === 1
                      ? item.keys[0]![1]
                      : `(${item.keys.map(([, type]) => type).join(',')})`,
                  ),
                  value: types.idOf(item.value),
                },
              }
            : { tag: 'plain', value: types.idOf(item.value) },
          fallback: item.fallback ?? '0x00',
          docs: [],
        })),
      },
      calls: idOrNone(pallet.name, 'Call'),
      events: idOrNone(pallet.name, 'Event'),
      errors: idOrNone(pallet.name, 'Error'),
      constants: Object.entries(pallet.constants).map(([name, constant]) => {
        const type = types.idOf(constant.type);
        return { name, type, value: withConstants(type, constant.value ?? version), docs: [] };
      }),
    }));
    return {
      pallets: palletList,
      extrinsic: {
        version: 4,
        address: types.idOf('MultiAddress'),
        call: types.idOf('RuntimeCall'),
        signature: types.idOf('MultiSignature'),
        extra: types.idOf('Extra'),
        type: types.idOf('UncheckedExtrinsic'),
        signedExtensions: signedExtensions.map(([identifier, extra, additional]) => ({
          identifier,
          type: types.idOf(extra),
          additionalSigned: types.idOf(additional),
        })),
      },
      type: types.idOf('Runtime'),
      apis: Object.entries(runtimeApis).map(([name, methods]) => ({
        name,
        docs: [],
        methods: Object.entries(methods).map(([method, { inputs, output }]) => ({
          name: method,
          docs: [],
          inputs: Object.entries(inputs).map(([input, type]) => ({ name: input, type: types.idOf(type) })),
          output: types.idOf(output),
        })),
      })),
      outerEnums: {
        call: types.idOf('RuntimeCall'),
        event: types.idOf('RuntimeEvent'),
        error: types.idOf('RuntimeError'),
      },
      custom: [],
      lookup: types.entries,
    };
  };

  // First without constants, to have the codecs that encode them.
  const draft: Loose = skeleton(() => '0x');
  const builder = getDynamicBuilder(
    getLookupFn(unifyMetadata({ magicNumber: MAGIC, metadata: { tag: 'v15', value: draft } } as Loose)),
  );
  // The builder's own ModuleError codec decodes names and cannot encode the four bytes, hence plain codecs here.
  const codecById = getLookupCodecBuilder(denormalizeLookup(types.entries));
  const codec = (type: string): Codec<Loose> => codecById(types.idOf(type));
  const value = skeleton((type, constant) => hexOf(codecById(type).enc(constant)));
  const encode = (tag: 'v14' | 'v15'): Uint8Array =>
    metadataCodec.enc({ magicNumber: MAGIC, metadata: { tag, value } } as Loose);
  const v15 = encode('v15');
  let digest: Uint8Array | undefined;
  return {
    shape,
    specVersion: specVersion[shape],
    transactionVersion: 1,
    v14: encode('v14'),
    v15,
    digest() {
      if (isOld(shape)) return null;
      digest ??= merkleizeMetadata(v15, { decimals: 9, tokenSymbol: 'TAO' }).digest();
      return digest;
    },
    builder,
    codec,
    pallets: list,
    version,
  };
}

const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
