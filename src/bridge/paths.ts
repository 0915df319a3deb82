import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own folder: the same two levels up from `src/bridge` and from `dist/bridge`. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where `train.py`, `bridge_controller.py` and `requirements.txt` are. */
export const PYTHON_FOLDER = join(PACKAGE_ROOT, 'python');

/** `pt`'s folder in the user's cache: shared by every clone and every CI run of this user. */
export function cacheFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): string {
  const base =
    env.XDG_CACHE_HOME ||
    (platform === 'win32' && env.LOCALAPPDATA) ||
    join(env.HOME || env.USERPROFILE || homedir(), '.cache');
  return join(base, 'pt');
}
