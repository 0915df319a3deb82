import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { diskError } from './disk-error.ts';

export interface WriteOptions {
  /** 0o600 (its owner alone) by default. */
  mode?: number;
  /** False: survives a kill, not a power cut; for what can be had again. */
  durable?: boolean;
  /** Where the unfinished file lies, on the same disk; beside the file by default. */
  asideIn?: string;
}

const aside = (path: string, folder = dirname(path)): string =>
  join(folder, `${basename(path)}.${randomUUID()}.tmp`);

/**
 * Replaces a file atomically and durably: a reader, a kill and a power cut see the old one or the new one. Makes the folders above it.
 * Throws `UserError` `disk.*` when it cannot be written.
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600, durable = true, asideIn }: WriteOptions = {},
): Promise<void> {
  const temporary = aside(path, asideIn);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    if (durable) syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw diskError(error, path);
  }
}

/** `writeWhole` at once, for a server that must not answer before it is done. */
export function writeWholeSync(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600, durable = true, asideIn }: WriteOptions = {},
): void {
  const temporary = aside(path, asideIn);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = openSync(temporary, 'wx', mode);
    try {
      writeFileSync(file, content);
      if (durable) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    if (durable) syncFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskError(error, path);
  }
}

/** `writeWhole` of a JSON file. */
export const writeJson = (path: string, value: unknown): Promise<void> => writeWhole(path, jsonLines(value));

/** A value as a JSON file for people has it. */
export const jsonLines = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Some file systems cannot sync a folder; the rename itself is still atomic. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch {}
}
