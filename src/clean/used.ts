import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';

/** Whether a path is in a living process: its program, a word of its command line, or a file that it has mapped. */
export type InUse = (path: string) => boolean;

/** Looks at every process of this machine once. Where other people's cannot be looked into, their command line has to do. */
export async function pathsInUse(): Promise<InUse> {
  const seen = process.platform === 'linux' ? fromProc() : await fromPs();
  return (path) => seen.some((text) => text.includes(`${path}/`));
}

function fromProc(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    return ['cmdline', 'maps'].flatMap((file) => {
      try {
        return [readFileSync(join('/proc', pid, file), 'utf8')];
      } catch {
        return [];
      }
    });
  });
}

async function fromPs(): Promise<string[]> {
  const { stdout } = await execa('ps', ['-Awwo', 'args='], { reject: false });
  return [stdout ?? ''];
}
