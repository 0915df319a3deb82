import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cleanUp, controllerOf, type Driver, drive, gone, processesOf } from './support.ts';

// Two processes under torch.distributed.run (PyTorch's own launcher, for real); the trainer itself stays without torch.
afterEach(cleanUp);

/** Pids of the workers, once both are there. */
async function workers(driver: Driver): Promise<number[]> {
  await driver.until((line) => line.event?.type === 'step');
  for (;;) {
    const pids = readFileSync(join(driver.runDir, 'pids'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split(' ')[1]));
    if (pids.length === 2) return pids;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('two processes', () => {
  test('finish together; rank 0 tells', async () => {
    const driver = drive('finish', { gpus: 2 }, { config: { steps: 5 } });
    expect(await driver.ended, driver.stderr).toBe(0);
    expect(driver.lines.find((line) => line.event?.type === 'start')?.event?.world_size).toBe(2);
    expect(driver.noise).toBe('');
  });

  test('Ctrl-C: each checkpoints and ends, exit 130', async () => {
    const driver = drive('run', { gpus: 2 });
    await workers(driver);
    driver.process.kill('SIGINT');
    expect(await driver.ended).toBe(130);
    expect(driver.lines.map((line) => line.event?.type)).toContain('checkpoint');
    expect(processesOf(driver.runDir)).toEqual([]);
  });

  test('a worker that is killed is named, and the other goes too', async () => {
    const driver = drive('run', { gpus: 2 });
    const [, second] = await workers(driver);
    const all = processesOf(driver.runDir, driver.process.pid);
    process.kill(second!, 'SIGKILL');
    expect(await driver.ended).toBe(7);
    expect(driver.last().error?.code).toBe('trainer.killed');
    expect(driver.last().error?.message).toContain('SIGKILL');
    await gone(...all);
  });

  test.each(['pt', 'the controller', 'torch.distributed.run'])(
    'SIGKILL of %s leaves no worker',
    async (whom) => {
      const driver = drive('run', { gpus: 2 });
      await workers(driver);
      const all = processesOf(driver.runDir, driver.process.pid);
      expect(all.length).toBeGreaterThanOrEqual(5);
      if (whom === 'pt') driver.process.kill('SIGKILL');
      else process.kill(whom === 'the controller' ? controllerOf(driver) : driver.lines[0]!.pid!, 'SIGKILL');
      await driver.ended;
      await gone(...all);
    },
  );
});
