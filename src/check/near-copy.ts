/** Reads of two models what tells near copies: a few bytes of each tensor, here or by range requests, and never a whole file. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSha256, halfToNumber, hubSource, withFile } from '../model/index.ts';
import type { ByteSource, SafetensorsHeader, TensorInfo } from '../model/types.ts';
import {
  bytesCopy,
  cosineCopy,
  EXACT,
  exactCopy,
  type Finding,
  type Fingerprint,
  MOST_TENSORS,
  type Probe,
  type Profile,
  pinnedFiles,
  probesOf,
} from '../rules/index.ts';
import { inParallel } from '../work.ts';
import type { Place } from './against.ts';

/** A model with its headers by path, and where its bytes are. */
export interface Opened {
  headers: ReadonlyMap<string, SafetensorsHeader>;
  at: Place;
}

/** Requests at a time. */
const AT_A_TIME = 8;
/** Samples that lie as close as this are read in one. */
const GAP = 32 * 1024;

/** By the profile's rule for near copies, or (without one) whether all that is looked at is the king's. */
export async function nearCopyFindings(own: Opened, king: Opened, profile: Profile): Promise<Finding[]> {
  const { duel } = profile;
  const compares = duel.kind !== 'external';
  // Their commitments hold a hash of the content, by which copies are told from all others'.
  if (profile.pretraining !== null && profile.copies === undefined) return [];
  if (own.headers.size === 0 && king.headers.size === 0) {
    const [mine, theirs] = await Promise.all([filesOf(own.at), filesOf(king.at)]);
    if (mine.length === 0 || theirs.length === 0) return [];
    const same = mine.filter((sha256) => theirs.includes(sha256)).length;
    return [exactCopy({ same, looked: mine.length, what: 'ONNX files have the bytes of' }, compares)];
  }
  if (own.headers.size === 0 || king.headers.size === 0) return [];
  const copies = profile.copies ?? EXACT;
  const [mine, theirs] = [tensorsOf(own), tensorsOf(king)];
  // Here reading is cheap, and there every tensor is a request or more.
  const most = 'dir' in own.at && 'dir' in king.at ? Number.POSITIVE_INFINITY : MOST_TENSORS;
  const [a, b] = [probesOf(copies, mine, most), probesOf(copies, theirs, most)];
  const tensors = mine.length;
  if (copies.kind === 'bytes') {
    const names = new Set(b.map(({ name }) => name));
    const common = a.filter(({ name }) => names.has(name));
    const [left, right] = [await bytesOf(own, common), await bytesOf(king, common)];
    const same = common.filter(({ name }) => left.get(name)!.equals(right.get(name)!)).length;
    if (profile.copies === undefined)
      return [
        exactCopy(
          { same, looked: Math.max(a.length, b.length), what: 'tensors begin with the bytes of' },
          compares,
        ),
      ];
    // A tensor that only one of them has is a difference.
    const compared = { same, looked: Math.max(a.length, b.length), tensors };
    return [bytesCopy({ ...compared, sameLayout: own.headers.size === king.headers.size }, copies)];
  }
  return [
    cosineCopy(
      { own: await fingerprint(own, mine, a), king: await fingerprint(king, theirs, b), tensors },
      copies,
    ),
  ];
}

/** sha256 of the ONNX files in its root. */
async function filesOf(at: Place): Promise<string[]> {
  if ('dir' in at)
    return Promise.all(pinnedFiles(await readdir(at.dir)).map((path) => fileSha256(join(at.dir, path))));
  const names = new Set(pinnedFiles(at.revision.files.map(({ path }) => path)));
  return at.revision.files.flatMap(({ path, sha256 }) =>
    names.has(path) && sha256 !== undefined ? [sha256] : [],
  );
}

const tensorsOf = ({ headers }: Opened): TensorInfo[] =>
  [...headers.values()].flatMap((each) => each.tensors);

async function fingerprint(model: Opened, tensors: TensorInfo[], probes: Probe[]): Promise<Fingerprint> {
  const dtypes = new Map(tensors.map(({ name, dtype }) => [name, dtype]));
  const bytes = await bytesOf(model, probes);
  const keys = probes.map(({ name }) => name);
  return { keys, samples: keys.map((key) => numbersOf(bytes.get(key)!, dtypes.get(key)!)), norms: [] };
}

function numbersOf(bytes: Buffer, dtype: string): number[] {
  const step = { F64: 8, F32: 4 }[dtype] ?? 2;
  return Array.from({ length: bytes.length / step }, (_, i) => {
    const at = i * step;
    if (dtype === 'F64') return bytes.readDoubleLE(at);
    if (dtype === 'F32') return bytes.readFloatLE(at);
    const bits = bytes.readUInt16LE(at);
    if (dtype === 'F16') return halfToNumber(bits);
    const word = Buffer.alloc(4);
    word.writeUInt16LE(bits, 2);
    return word.readFloatLE();
  });
}

/** What the probes ask for, by tensor, its ranges one after another. */
async function bytesOf({ headers, at }: Opened, probes: Probe[]): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const wanted = new Map(probes.map((probe) => [probe.name, probe]));
  for (const [path, { tensors }] of headers)
    await withBytes(at, path, (source) =>
      inParallel(
        tensors.filter(({ name }) => wanted.has(name)),
        AT_A_TIME,
        async ({ name, begin }) => {
          found.set(name, await readRanges(source, begin, wanted.get(name)!.ranges));
        },
      ),
    );
  return found;
}

async function withBytes(at: Place, path: string, use: (source: ByteSource) => Promise<void>): Promise<void> {
  if ('dir' in at) return withFile(join(at.dir, path), path, use);
  const { hub, revision } = at;
  await use(hubSource(hub, revision.repo, revision.commit, revision.files.find((f) => f.path === path)!));
}

async function readRanges(source: ByteSource, base: number, ranges: Probe['ranges']): Promise<Buffer> {
  const runs: { begin: number; end: number; bytes?: Uint8Array }[] = [];
  for (const [begin, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = runs.at(-1);
    if (last && begin - last.end <= GAP) last.end = Math.max(last.end, end);
    else runs.push({ begin, end });
  }
  for (const run of runs) run.bytes = await source.read(base + run.begin, base + run.end);
  return Buffer.concat(
    ranges.map(([begin, end]) => {
      const run = runs.find((each) => each.begin <= begin && end <= each.end)!;
      return run.bytes!.subarray(begin - run.begin, end - run.begin);
    }),
  );
}
