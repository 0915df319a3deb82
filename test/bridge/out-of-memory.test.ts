import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { cleanUp, drive } from './support.ts';

afterEach(cleanUp);

const LIMIT_BYTES = 400 << 20;

/** A control group of our own with little memory, version 1 or 2; null where this user may not make one. */
function smallGroup(): string | null {
  const v2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const line = readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .map((entry) => entry.split(':'))
    .find(([, controllers]) => (v2 ? controllers === '' : controllers?.split(',').includes('memory')));
  if (!line) return null;
  const own = join('/sys/fs/cgroup', v2 ? '' : 'memory', line.slice(2).join(':'));
  const group = join(own, `pt-test-${process.pid}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, v2 ? 'memory.max' : 'memory.limit_in_bytes'), String(LIMIT_BYTES));
    return group;
  } catch {
    return null;
  }
}

const group = process.platform === 'linux' ? smallGroup() : null;

test.skipIf(group === null)('the kernel’s out-of-memory killer is told from another SIGKILL', async () => {
  const join_group = ['sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh'];
  const driver = drive('eat-memory', {}, { prefix: join_group });
  try {
    expect(await driver.ended).toBe(7);
    expect(driver.last().error).toMatchObject({ code: 'trainer.out_of_memory', exitCode: 7 });
    expect(driver.last().error?.message).toContain('ran out of memory');
  } finally {
    await cleanUp();
    rmdirSync(group!);
  }
});
