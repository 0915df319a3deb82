import { getDynamicBuilder, getLookupFn } from '@polkadot-api/metadata-builders';
import { decAnyMetadata, unifyMetadata } from '@polkadot-api/substrate-bindings';
import { checkTypes } from './sound-types.ts';

// biome-ignore lint/suspicious/noExplicitAny: values are typed by the metadata
type Decoded = any;

/** One signed extension of the runtime. */
export interface SignedExtension {
  name: string;
  /** It writes nothing and signs nothing, so it needs no value whatever it is. */
  empty: boolean;
}

/** Everything that is encoded or decoded for one runtime, all of it by the chain's own metadata. */
export interface Runtime {
  /** What it was read from. */
  metadata: Uint8Array;
  has(pallet: string, item: string): boolean;
  hasConstant(pallet: string, name: string): boolean;
  hasApi(api: string, method: string): boolean;
  /** Storage key as `0x…`; with fewer keys than the map has, the prefix of all that begin so. */
  key(pallet: string, item: string, ...keys: unknown[]): string;
  /** The keys that a storage key of a map was made of. */
  keysOf(pallet: string, item: string, key: string): Decoded[];
  /** Value of a storage item from its hex; null gives the default, or undefined where there is none. */
  value(pallet: string, item: string, hex: unknown): Decoded;
  constant(pallet: string, name: string): Decoded;
  /** Parameters and result of a runtime API. */
  api(api: string, method: string): { encode(...args: unknown[]): string; decode(hex: unknown): Decoded };
  /** A call from its bytes, `{type: pallet, value: {type: call, value: arguments}}`, by the types that the metadata's digest is over. */
  call(bytes: Uint8Array): Decoded;
  extensions: SignedExtension[];
}

export const toHex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

/** Bytes of a `0x…` string from a node; throws on anything else. */
export function fromHex(text: unknown): Uint8Array {
  if (typeof text !== 'string' || !/^0x([0-9a-f]{2})*$/i.test(text))
    throw new RangeError('the node sent no hex');
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}

/** The library throws `null` for what it cannot read. */
function decode(metadata: Uint8Array) {
  try {
    return unifyMetadata(decAnyMetadata(Uint8Array.from(metadata)));
  } catch (cause) {
    throw new RangeError('its metadata cannot be read', { cause });
  }
}

/** The runtime lacks something that is asked for by name. */
export class MissingPart extends RangeError {}

/** Builds the codecs of a runtime from its metadata (SCALE with magic, versions 14 to 16). Throws on anything else. */
export function readRuntime(metadata: Uint8Array): Runtime {
  const unified = decode(metadata);
  checkTypes(unified.lookup);
  const lookup = getLookupFn(unified);
  const builder = getDynamicBuilder(lookup);
  // The digest of the metadata is over this type; version 14 has neither.
  const callType = 'call' in unified.extrinsic ? unified.extrinsic.call : lookup.call;
  const pallet = (name: string) => unified.pallets.find((one) => one.name === name);
  const has = (name: string, item: string): boolean =>
    !!pallet(name)?.storage?.items.some((one) => one.name === item);
  const cache = new Map<string, ReturnType<typeof builder.buildStorage>>();
  const storage = (palletName: string, item: string) => {
    const id = `${palletName}.${item}`;
    if (!pallet(palletName)) throw new MissingPart(`pallet ${palletName}`);
    if (!has(palletName, item)) throw new MissingPart(`storage ${id}`);
    const codec = cache.get(id) ?? builder.buildStorage(palletName, item);
    cache.set(id, codec);
    return codec;
  };
  const isEmpty = (type: number): boolean => lookup(type).type === 'void';
  // Extension set 0 is the one that extrinsics of version 4 use.
  const extensions = (unified.extrinsic.extensionsByVersion[0] ?? []).map(
    ({ identifier, type, additionalSigned }) => ({
      name: identifier,
      empty: isEmpty(type) && isEmpty(additionalSigned),
    }),
  );

  return {
    metadata,
    extensions,
    has,
    hasConstant: (name, constant) => !!pallet(name)?.constants.some((one) => one.name === constant),
    hasApi: (api, method) =>
      unified.apis.some((one) => one.name === api && one.methods.some(({ name }) => name === method)),
    key: (name, item, ...keys) => storage(name, item).keys.enc(...keys),
    keysOf: (name, item, key) => storage(name, item).keys.dec(key),
    value(name, item, hex) {
      const codec = storage(name, item);
      return hex === null || hex === undefined ? codec.fallback : codec.value.dec(fromHex(hex));
    },
    constant(name, constant) {
      const found = pallet(name)?.constants.find((one) => one.name === constant);
      if (!found) throw new RangeError(`the runtime has no constant ${name}.${constant}`);
      return builder.buildConstant(name, constant).dec(found.value);
    },
    api(api, method) {
      const { args, value } = builder.buildRuntimeCall(api, method);
      return {
        encode: (...given) => toHex(args.enc(given)),
        decode: (hex) => value.dec(fromHex(hex)),
      };
    },
    call(bytes) {
      if (callType === null) throw new RangeError('the metadata has no type of calls');
      return builder.buildDefinition(callType).dec(Uint8Array.from(bytes));
    },
  };
}
