import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isAlive, processIdentity } from '../../src/host/process.ts';

const sleeper = () => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });

test('a process has one identity while it lives, another process another, and a killed one none', async () => {
  const first = sleeper();
  const second = sleeper();
  await Promise.all([once(first, 'spawn'), once(second, 'spawn')]);
  const identity = processIdentity(first.pid!);
  expect(identity).toEqual(expect.any(String));
  expect(processIdentity(first.pid!)).toBe(identity);
  expect(processIdentity(second.pid!)).toEqual(expect.any(String));
  expect(isAlive(first.pid!, identity)).toBe(true);
  first.kill('SIGKILL');
  await once(first, 'exit');
  expect(processIdentity(first.pid!)).toBeNull();
  expect(isAlive(first.pid!, identity)).toBe(false);
  second.kill('SIGKILL');
});

test('a process under the id of another one is not that one: started at another time, or in another boot', () => {
  const identity = processIdentity(process.pid)!;
  expect(isAlive(process.pid, identity)).toBe(true);
  expect(
    isAlive(
      process.pid,
      identity.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10)),
    ),
  ).toBe(false);
  expect(isAlive(process.pid, `another${identity}`)).toBe(false);
});

test('without an identity, as older files have none, the id alone decides', () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(process.pid, null)).toBe(true);
  expect(isAlive(2 ** 22 + 1)).toBe(false);
});
