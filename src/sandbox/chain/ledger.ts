import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compact } from '@polkadot-api/substrate-bindings';
import { UserError } from '../../errors.ts';
import { writeWholeSync } from '../../host/write-file.ts';
import { fromHex, hash256, toHex } from './bytes.ts';
import { type RuntimeShape, specVersion } from './pallets.ts';

/** One sealed block. `undo` holds the value that each changed key had before it (null: none), which makes older states readable. */
export interface Block {
  number: number;
  hash: string;
  parentHash: string;
  stateRoot: string;
  extrinsicsRoot: string;
  extrinsics: string[];
  undo: Record<string, string | null>;
}

/** How many blocks stay readable, as on a real node that prunes. */
export const KEPT_BLOCKS = 256;

interface Saved {
  version: 1;
  /** What the storage is encoded for. */
  shape: RuntimeShape;
  genesisHash: string;
  storage: Record<string, string>;
  blocks: Block[];
}

/** Storage and blocks of the chain, kept in one file that is replaced atomically at every block. */
export interface Ledger {
  readonly genesisHash: string;
  head(): Block;
  byNumber(number: number): Block | undefined;
  byHash(hash: string): Block | undefined;
  /** Value (hex) of a key now, or after the block `at`. */
  get(key: string, at?: Block): string | undefined;
  /** Keys that begin with `prefix`, in order. */
  keys(prefix: string, at?: Block): string[];
  set(key: string, value: string | null): void;
  /** Makes the changes since the last block into the next block and writes it down before it returns. */
  seal(extrinsics: string[]): Block;
}

/** The header as it is hashed: parent, compact number, state root, extrinsics root, empty digest. */
function headerHash(block: Omit<Block, 'hash' | 'undo' | 'extrinsics'>): string {
  return toHex(
    hash256(
      fromHex(block.parentHash),
      compact.enc(block.number),
      fromHex(block.stateRoot),
      fromHex(block.extrinsicsRoot),
      new Uint8Array([0]),
    ),
  );
}

/** Opens the ledger in `dir`, or begins one with the storage that `genesis` returns. A half-written file cannot exist. */
export function openLedger(dir: string, shape: RuntimeShape, genesis: () => Map<string, string>): Ledger {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = ledgerFile(dir);
  const saved = read(file);
  if (saved !== null && saved.shape !== shape) throw otherSpec(saved.shape, shape);
  const storage = new Map(saved ? Object.entries(saved.storage) : genesis());
  const blocks: Block[] = saved?.blocks ?? [];
  let changes = new Map<string, string | null>();

  const seal = (extrinsics: string[]): Block => {
    const parent = blocks.at(-1);
    const undo = Object.fromEntries(changes);
    // Not a trie root: a running hash over parent and changes, unique and deterministic, which is all that clients use it for.
    const delta = [...changes.keys()].map((key) => [key, storage.get(key) ?? null]);
    const header = {
      number: parent ? parent.number + 1 : 0,
      parentHash: parent?.hash ?? `0x${'00'.repeat(32)}`,
      stateRoot: toHex(
        hash256(
          parent ? fromHex(parent.stateRoot) : new Uint8Array(),
          Buffer.from(JSON.stringify(parent ? delta : [...storage])),
        ),
      ),
      extrinsicsRoot: toHex(hash256(...extrinsics.map(fromHex))),
    };
    const block: Block = { ...header, hash: headerHash(header), extrinsics, undo };
    blocks.push(block);
    if (blocks.length > KEPT_BLOCKS) blocks.splice(0, blocks.length - KEPT_BLOCKS);
    // What people saw in a block must survive; an idle block may be lost with the machine, never with the process.
    write(
      file,
      { version: 1, shape, genesisHash: genesisHash || block.hash, storage, blocks },
      extrinsics.length > 1,
    );
    changes = new Map();
    return block;
  };

  let genesisHash = saved?.genesisHash ?? '';
  if (!saved) genesisHash = seal([]).hash;

  const oldest = (): number => blocks[0]!.number;
  /** What `key` was after block `at`: the first later change tells what it replaced. */
  const get = (key: string, at?: Block): string | undefined => {
    if (at)
      for (let i = at.number - oldest() + 1; i < blocks.length; i++) {
        const { undo } = blocks[i]!;
        if (Object.hasOwn(undo, key)) return undo[key] ?? undefined;
      }
    return storage.get(key);
  };
  return {
    genesisHash,
    head: () => blocks.at(-1)!,
    byNumber: (number) => blocks[number - oldest()],
    byHash: (hash) => blocks.findLast((block) => block.hash === hash),
    get,
    keys(prefix, at) {
      const found = new Set([...storage.keys()].filter((key) => key.startsWith(prefix)));
      if (at)
        for (let i = at.number - oldest() + 1; i < blocks.length; i++)
          for (const key of Object.keys(blocks[i]!.undo)) if (key.startsWith(prefix)) found.add(key);
      return [...found].filter((key) => get(key, at) !== undefined).sort();
    },
    set(key, value) {
      const before = storage.get(key) ?? null;
      if (before === value) return;
      if (!changes.has(key)) changes.set(key, before);
      if (value === null) storage.delete(key);
      else storage.set(key, value);
    },
    seal,
  };
}

const ledgerFile = (dir: string): string => join(dir, 'chain.json');

/** What runtime the chain in `dir` was begun with; null: there is none. */
export const keptShape = (dir: string): RuntimeShape | null => read(ledgerFile(dir))?.shape ?? null;

function otherSpec(kept: RuntimeShape, asked: RuntimeShape): UserError {
  const [is, wanted] = [specVersion[kept], specVersion[asked]];
  return new UserError('sandbox.other_spec', `The chain of this sandbox is of spec ${is}, not ${wanted}.`, {
    nextSteps: [
      `pt sandbox start   # as it is, spec ${is}, without --spec`,
      `pt sandbox reset   # wipes it; then: pt sandbox start --spec ${wanted}`,
    ],
  });
}

function read(file: string): Saved | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const saved = JSON.parse(text) as Saved;
  if (saved.version !== 1 || !Object.hasOwn(specVersion, saved.shape))
    throw new Error(`${file} was written by another version of the sandbox; wipe it with: pt sandbox reset`);
  return saved;
}

function write(
  file: string,
  saved: Omit<Saved, 'storage'> & { storage: Map<string, string> },
  durable: boolean,
): void {
  writeWholeSync(file, JSON.stringify({ ...saved, storage: Object.fromEntries(saved.storage) }), { durable });
}
