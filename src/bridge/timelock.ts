/** Seals and opens with the chain's own crate, in a small Python environment of its own. */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OutsideError } from '../errors.ts';
import { note, type Work } from '../progress.ts';
import { installerFor } from './installer.ts';
import { findInterpreter } from './interpreter.ts';
import { cacheFolder, PYTHON_FOLDER } from './paths.ts';
import { findManaged, missingPackages, pythonIn, RECORD, readEnv } from './python-env.ts';

const REQUIREMENTS = join(PYTHON_FOLDER, 'seal.txt');
const SCRIPT = join(PYTHON_FOLDER, 'timelock.py');
const PACKAGE = 'bittensor-core';

/** The beacon's public key that the crate seals to (quicknet), and two of its published signatures. */
export const QUICKNET = {
  public_key:
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  signatures: {
    1000: 'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39',
    2000: 'b6cb8f482a0b15d45936a4c4ea08e98a087e71787caee3f4d07a8a9843b1bc5423c6b3c22f446488b3137eaca799c77e',
  },
} as const;

/** The Python that seals: `PT_PYTHON` or the trainer's where they have the crate, else one made for it (once, seconds). */
export async function* findSealer(env: NodeJS.ProcessEnv): Work<string> {
  for (const python of [env.PT_PYTHON, findManaged(env)?.python])
    if (python && (await missingPackages(python, [PACKAGE], env)).length === 0) return python;
  const base = await findInterpreter(env, { newer: true });
  if (Array.isArray(base))
    throw new OutsideError(
      'seal.no_python',
      'Sealed commitments need a Python 3.10 or newer, and none was found.',
      {
        exitCode: EXIT.trainer,
        nextSteps: ["sudo apt-get install python3 python3-venv   # or your system's package", 'pt setup'],
      },
    );
  const pins = readFileSync(REQUIREMENTS, 'utf8').replaceAll('\r\n', '\n');
  const minor = base.version.split('.').slice(0, 2).join('.');
  const id = createHash('sha256')
    .update(JSON.stringify([pins, minor, process.platform, process.arch]))
    .digest('hex');
  const folder = join(cacheFolder(env), `seal-${id.slice(0, 16)}-${minor}`);
  const ready = readEnv(folder);
  if (ready) return ready.python;
  yield note(`Installing ${PACKAGE}, which makes seals, in ${folder} (once).`);
  const aside = `${folder}.making-${process.pid}`;
  try {
    rmSync(aside, { recursive: true, force: true });
    const installer = await installerFor(base, cacheFolder(env), env, 'pip');
    yield* installer.install(base, aside, REQUIREMENTS);
    writeFileSync(
      join(aside, RECORD),
      `${JSON.stringify({ version: base.version, base: base.python, installer: installer.name })}\n`,
    );
    if (!readEnv(folder)) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(aside, folder);
    }
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return pythonIn(folder);
}

/** The inner ciphertext of `plaintext` for `round`, after the same plaintext, sealed to a round of the past, was opened with its signature. */
export async function sealBytes(
  python: string,
  plaintext: Uint8Array,
  round: number,
): Promise<{ encrypted: Uint8Array; proof: Uint8Array }> {
  const test = { round: 1000, signature: QUICKNET.signatures[1000] };
  const answer = await ask(python, { op: 'seal', plaintext: hexOf(plaintext), round, test });
  return { encrypted: bytesOf(answer.encrypted), proof: bytesOf(answer.opened) };
}

/** What an inner ciphertext holds, or the crate's words for why it cannot be opened. */
export async function openSeal(
  python: string,
  { encrypted, round, signature }: { encrypted: Uint8Array; round: number; signature: string },
): Promise<{ plaintext: Uint8Array } | { error: string }> {
  const answer = await ask(python, { op: 'open', encrypted: hexOf(encrypted), round, signature });
  if (typeof answer.plaintext === 'string') return { plaintext: bytesOf(answer.plaintext) };
  return { error: String(answer.error) };
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function bytesOf(hex: unknown): Uint8Array {
  if (typeof hex !== 'string' || !/^([0-9a-f]{2})*$/.test(hex)) throw failed('it gave no bytes');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

async function ask(python: string, question: Record<string, unknown>): Promise<Record<string, unknown>> {
  const { execa } = await import('execa');
  const result = await execa(python, ['-I', SCRIPT], {
    input: JSON.stringify(question),
    env: { PATH: process.env.PATH ?? '' },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
  });
  if (result.failed) throw failed(result.stderr.trim().split('\n').at(-1) || (result.shortMessage ?? ''));
  try {
    return JSON.parse(result.stdout) as Record<string, unknown>;
  } catch {
    throw failed('its answer cannot be read');
  }
}

const failed = (why: string): OutsideError =>
  new OutsideError('seal.failed', `No seal could be made: ${why}.`, {
    exitCode: EXIT.trainer,
    nextSteps: ['pt doctor', 'export PT_PYTHON=/path/to/python   # one that has bittensor-core'],
  });
