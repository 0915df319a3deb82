import { blake2b } from '@noble/hashes/blake2.js';
import {
  denormalizeLookup,
  getDynamicBuilder,
  getLookupCodecBuilder,
  getLookupFn,
} from '@polkadot-api/metadata-builders';
import { type Codec, metadata as metadataCodec, unifyMetadata } from '@polkadot-api/substrate-bindings';
import { metagraphTypes } from './metagraph-types.ts';
import {
  type Pallet,
  pallets as palletsOf,
  type RuntimeShape,
  runtimeApis,
  signedExtensions,
  specVersion,
} from './pallets.ts';
import { baseTypes, type Fields, type TypeDefinition, type TypeTable, type Variant } from './type-table.ts';

const MAGIC = 0x6174656d; // "meta"
const PRIMITIVES = new Set(['bool', 'str', 'u8', 'u16', 'u32', 'u64', 'u128', 'i64', 'i128']);

// The codec's own types are unions of dozens of arms; what we build here is checked by encoding it.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Loose = any;

interface Lookup {
  idOf(type: string): number;
  entries: Loose[];
}

/** Gives every type text a number, its parts first where they do not refer back to it. */
function internTypes(table: TypeTable, aliases: Record<string, string>): Lookup {
  const entries: Loose[] = [];
  const ids = new Map<string, number>();

  const idOf = (text: string): number => {
    const type = aliases[text] ?? text;
    const known = ids.get(type);
    if (known !== undefined) return known;
    const id = entries.length;
    ids.set(type, id);
    const entry: Loose = { id, path: [], params: [], def: null, docs: [] };
    entries.push(entry);
    fill(entry, type);
    return id;
  };

  const fill = (entry: Loose, type: string): void => {
    const generic = /^(Vec|Compact|Option)<(.*)>$/.exec(type);
    const array = /^\[(.*);(\d+)\]$/.exec(type);
    if (PRIMITIVES.has(type)) entry.def = { tag: 'primitive', value: { tag: type, value: undefined } };
    else if (generic?.[1] === 'Vec') entry.def = { tag: 'sequence', value: idOf(generic[2]!) };
    else if (generic?.[1] === 'Compact') entry.def = { tag: 'compact', value: idOf(generic[2]!) };
    else if (generic?.[1] === 'Option') {
      const inner = idOf(generic[2]!);
      entry.path = ['Option'];
      entry.params = [{ name: 'T', type: inner }];
      entry.def = { tag: 'variant', value: [variant('None', 0, []), variant('Some', 1, [generic[2]!])] };
    } else if (array) entry.def = { tag: 'array', value: { len: Number(array[2]), type: idOf(array[1]!) } };
    else if (type.startsWith('('))
      entry.def = { tag: 'tuple', value: splitTuple(type.slice(1, -1)).map(idOf) };
    else define(entry, type, table[type]);
  };

  const define = (entry: Loose, type: string, definition: TypeDefinition | undefined): void => {
    if (!definition) throw new Error(`The sandbox's type table has no "${type}"`);
    entry.path = definition.path === '' ? [] : definition.path.split('::');
    entry.params = Object.entries(definition.params ?? {}).map(([name, text]) => ({
      name,
      type: text === '' ? undefined : idOf(text),
    }));
    entry.def = definition.variants
      ? {
          tag: 'variant',
          value: Object.entries(definition.variants).map(([name, given], position) => {
            const full: Variant = isVariant(given) ? given : { index: position, fields: given, docs: [] };
            return variant(name, full.index, full.fields, full.docs);
          }),
        }
      : { tag: 'composite', value: fieldsOf(definition.fields ?? []) };
  };

  const fieldsOf = (fields: Fields): Loose[] =>
    (Array.isArray(fields) ? fields.map((type) => [undefined, type]) : Object.entries(fields)).map(
      ([name, type]) => ({ name, type: idOf(type!), typeName: type, docs: [] }),
    );

  const variant = (name: string, index: number, fields: Fields, docs: string[] = []): Loose => ({
    name,
    index,
    fields: fieldsOf(fields),
    docs,
  });

  return { idOf, entries };
}

const isVariant = (given: Fields | Variant): given is Variant =>
  !Array.isArray(given) && typeof given.index === 'number';

function splitTuple(inside: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= inside.length; i++) {
    const char = inside[i];
    if (char === '<' || char === '(' || char === '[') depth++;
    else if (char === '>' || char === ')' || char === ']') depth--;
    else if ((char === ',' && depth === 0) || char === undefined) {
      if (i > start) parts.push(inside.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}

/** Enums that are made of the pallets: one for calls, events and errors of each, and the three over all. */
function palletTypes(list: Pallet[]): TypeTable {
  const table: TypeTable = {};
  const outer: Record<'Call' | 'Event' | 'Error', Record<string, Variant>> = {
    Call: {},
    Event: {},
    Error: {},
  };
  for (const { name, index, calls, events, errors } of list) {
    const path = `pallet_${name.toLowerCase()}::pallet`;
    const add = (kind: keyof typeof outer, variants: TypeDefinition['variants']): void => {
      if (!variants || Object.keys(variants).length === 0) return;
      table[`${name}${kind}`] = { path: `${path}::${kind}`, params: { T: '' }, variants };
      outer[kind][name] = { index, fields: [`${name}${kind}`], docs: [] };
    };
    add('Call', calls);
    add('Event', events);
    add(
      'Error',
      Object.fromEntries(
        Object.entries(errors).map(([error, doc], position) => [
          error,
          { index: position, fields: [], docs: [doc] },
        ]),
      ),
    );
  }
  for (const kind of ['Call', 'Event', 'Error'] as const)
    table[`Runtime${kind}`] = { path: `pt_sandbox_runtime::Runtime${kind}`, variants: outer[kind] };
  table.Runtime = { path: 'pt_sandbox_runtime::Runtime', fields: [] };
  return table;
}

/** Everything that the node and its clients need to know of one runtime. */
export interface Runtime {
  shape: RuntimeShape;
  specVersion: number;
  transactionVersion: number;
  /** SCALE of the whole metadata, magic included. */
  v14: Uint8Array;
  v15: Uint8Array;
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
  SubnetInfoRuntimeApi: 1,
};

/** The 8-byte id by which clients know a runtime API. */
const apiId = (name: string): Uint8Array => blake2b(new TextEncoder().encode(name), { dkLen: 8 });

/** Builds the runtime's metadata in both versions, with the codecs that follow from it. */
export function createRuntime(shape: RuntimeShape, blockTimeMs: number): Runtime {
  const list = palletsOf(shape, blockTimeMs);
  const table: TypeTable = { ...baseTypes, ...metagraphTypes, ...palletTypes(list) };
  const extra = `(${signedExtensions.map(([, type]) => type).join(',')})`;
  const types = internTypes(table, { Extra: extra, ...(shape === 'old' ? { NetUid: 'u16' } : {}) });

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
  return {
    shape,
    specVersion: specVersion[shape],
    transactionVersion: 1,
    v14: encode('v14'),
    v15: encode('v15'),
    builder,
    codec,
    pallets: list,
    version,
  };
}

const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
