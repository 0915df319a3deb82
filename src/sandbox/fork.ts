import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UserError } from '../errors.ts';

/** Where `chopsticks` is on `path`. It is optional and not ours to install; throws when it is not there. */
export function requireChopsticks(path: string): string {
  for (const dir of path.split(delimiter).filter(Boolean)) {
    const file = join(dir, 'chopsticks');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  throw new UserError('sandbox.no_chopsticks', '--fork needs chopsticks, which is not on the PATH.', {
    nextSteps: [
      'npm install --global @acala-network/chopsticks',
      'pt sandbox start --detach   # without a fork',
    ],
  });
}
