import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { cleanUp, controllerOf, type Driver, drive, gone, logOf, processesOf, trains } from './support.ts';

// Every way a run can end, each with real processes: what is said, with which exit code, and that nothing is left running.
afterEach(cleanUp);

/** The error line, with the exit code that the process really had. */
async function failureOf(driver: Driver) {
  const code = await driver.ended;
  const error = driver.last().error!;
  expect(error, driver.stderr).toBeDefined();
  expect(code).toBe(error.exitCode);
  expect(driver.noise).toBe('');
  expect(error.nextSteps.length).toBeGreaterThan(0);
  expect(processesOf(driver.runDir)).toEqual([]);
  return error;
}

describe('the trainer ends by itself', () => {
  test('finished: all events in order, the result, exit 0', async () => {
    const driver = drive('finish', {}, { config: { steps: 5 } });
    expect(await driver.ended).toBe(0);
    const types = driver.lines.flatMap((line) => line.event?.type ?? []);
    expect(types).toEqual(['start', 'step', 'step', 'step', 'step', 'step', 'result', 'done']);
    expect(driver.last().end).toMatchObject({ kind: 'done', exitCode: 0, result: { value: 42 } });
    expect(logOf(driver)).toContain('this text belongs into trainer.log');
    expect(driver.noise + driver.stderr).toBe('');
  });

  test('no event is lost when they come by the thousand', async () => {
    const driver = drive('flood', {}, { config: { steps: 30_000 } });
    expect(await driver.ended).toBe(0);
    const steps = driver.lines.flatMap((line) => (line.event?.type === 'step' ? [line.event.step] : []));
    expect(steps).toEqual(Array.from({ length: 30_000 }, (_, step) => step));
  });

  test('an error event: its code, message and next steps; a traceback only where no cause is named; no secrets', async () => {
    const token = 'hf_thisIsAThrowawayToken';
    const unnamed = await failureOf(
      drive('error', { env: { HF_TOKEN: token } }, { config: { code: 'exception' } }),
    );
    expect(unnamed.code).toBe('trainer.exception');
    expect(unnamed.traceback).toContain('FileNotFoundError: ***');
    const driver = drive('error', { env: { HF_TOKEN: token } }, { env: { BT_WALLET_PASSWORD: ' opens it' } });
    const error = await failureOf(driver);
    expect(error).toMatchObject({ code: 'trainer.data_missing', exitCode: 7 });
    expect(error.message).toBe('shard-00001.parquet is missing (asked with ***)');
    expect(error.nextSteps[0]).toBe('pt train --data builtin');
    expect(error.traceback).toBeUndefined();
    expect(JSON.stringify([unnamed, error])).not.toContain(token);
  });

  test('an exception nobody announced: its last line, and the log', async () => {
    const error = await failureOf(drive('raise'));
    expect(error).toMatchObject({ code: 'trainer.died', exitCode: 7 });
    expect(error.message).toContain('exit code 1: RuntimeError: an error that nobody announced');
    expect(error.lastLines).toContain('raise RuntimeError');
  });

  test('a missing package is named, with `pt setup`', async () => {
    const error = await failureOf(drive('import'));
    expect(error.code).toBe('python.missing_package');
    expect(error.message).toContain('a_package_that_is_not_there');
    expect(error.nextSteps[0]).toBe('pt setup');
  });

  test('Python ran out of memory', async () => {
    expect(await failureOf(drive('memory-error'))).toMatchObject({
      code: 'trainer.out_of_memory',
      exitCode: 7,
    });
  });

  test('machines that did not meet, as torch says it', async () => {
    const error = await failureOf(drive('nobody-met'));
    expect(error).toMatchObject({ code: 'trainer.rendezvous', exitCode: 7 });
    expect(error.nextSteps[0]).toContain('--rdzv-endpoint');
  });

  test('a fault in compiled code is named by its signal, with the stack in the log', async () => {
    const driver = drive('segfault');
    const error = await failureOf(driver);
    expect(error.code).toBe('trainer.killed');
    expect(error.message).toContain('SIGSEGV');
    expect(logOf(driver)).toContain('string_at');
  });

  test('exit 0 without a word is no success', async () => {
    const error = await failureOf(drive('silent-end'));
    expect(error.code).toBe('trainer.died');
    expect(error.message).toContain('without saying that it was done');
  });
});

describe('something else ends it', () => {
  test('a hang ends after hangSeconds, and the log says where it hung', async () => {
    const driver = drive('hang', { hangSeconds: 1.5 });
    const error = await failureOf(driver);
    expect(error.code).toBe('trainer.hung');
    expect(error.message).toContain('1.5 s');
    expect(logOf(driver)).toMatch(/trainer\.py", line \d+ in <module>/);
  });

  test('a stopped process (SIGSTOP) is a hang too', async () => {
    const driver = drive('run', { hangSeconds: 1.5 });
    await trains(driver);
    process.kill(driver.lines[0]!.pid!, 'SIGSTOP');
    expect((await failureOf(driver)).code).toBe('trainer.hung');
  });

  test('SIGKILL of the trainer is named, and known at once', async () => {
    const driver = drive('run');
    await trains(driver);
    const begin = performance.now();
    process.kill(driver.lines[0]!.pid!, 'SIGKILL');
    await driver.until((line) => line.error !== undefined);
    expect(performance.now() - begin).toBeLessThan(1500);
    const error = await failureOf(driver);
    expect(error.code).toBe('trainer.killed');
    expect(error.message).toContain('SIGKILL');
  });

  test('what a killed trainer started goes with it', async () => {
    const driver = drive('child');
    await trains(driver);
    const below = processesOf(driver.runDir, driver.process.pid);
    expect(below.some((one) => one.command.includes('time.sleep(300)'))).toBe(true);
    process.kill(driver.lines[0]!.pid!, 'SIGKILL');
    await failureOf(driver);
    await gone(...below);
  });

  test('SIGKILL of the controller: the trainer goes with it, and pt says so', async () => {
    const driver = drive('child');
    await trains(driver);
    const all = processesOf(driver.runDir, driver.process.pid);
    process.kill(controllerOf(driver), 'SIGKILL');
    const error = await failureOf(driver);
    expect(error.code).toBe('bridge.died');
    expect(error.message).toContain('SIGKILL');
    await gone(...all);
  });

  test('SIGTERM of the controller likewise', async () => {
    const driver = drive('child');
    await trains(driver);
    const all = processesOf(driver.runDir, driver.process.pid);
    process.kill(controllerOf(driver), 'SIGTERM');
    expect((await failureOf(driver)).code).toBe('bridge.died');
    await gone(...all);
  });

  test.each(['run', 'child', 'hang', 'slow-stop'])(
    'SIGKILL of pt (%s): nothing is left',
    async (behaviour) => {
      const driver = drive(behaviour);
      await driver.until((line) => line.event?.type === 'start');
      const all = processesOf(driver.runDir, driver.process.pid);
      expect(all.length).toBeGreaterThanOrEqual(3);
      driver.process.kill('SIGKILL');
      expect(await driver.ended).toBe('SIGKILL');
      await gone(...all);
    },
  );

  test('SIGKILL of pt and of the controller in the same moment: nothing is left', async () => {
    const driver = drive('run');
    await trains(driver);
    const all = processesOf(driver.runDir, driver.process.pid);
    const controller = controllerOf(driver);
    driver.process.kill('SIGKILL');
    process.kill(controller, 'SIGKILL');
    await gone(...all);
  });

  test('where the kernel does not tell of a parent’s death, a thread does', async () => {
    const driver = drive('run', { env: { PT_LIFELINE_BY: 'thread' } });
    await trains(driver);
    const all = processesOf(driver.runDir, driver.process.pid);
    const controller = controllerOf(driver);
    driver.process.kill('SIGKILL');
    process.kill(controller, 'SIGKILL');
    await gone(...all);
  });
});

describe('Ctrl-C', () => {
  test('once: checkpoint and end, exit 130', async () => {
    const driver = drive('run');
    await trains(driver);
    driver.process.kill('SIGINT');
    expect(await driver.ended).toBe(130);
    expect(driver.lines.map((line) => line.event?.type)).toContain('checkpoint');
    expect(driver.last().end).toEqual({ kind: 'cancelled' });
    expect(processesOf(driver.runDir)).toEqual([]);
  });

  test('before the trainer can hear it: still exit 130', async () => {
    const driver = drive('run');
    await driver.until((line) => line.pid !== undefined);
    driver.process.kill('SIGINT');
    expect(await driver.ended).toBe(130);
    expect(driver.last().end).toEqual({ kind: 'cancelled' });
  });

  test('twice: ended at once, exit 130', async () => {
    const driver = drive('slow-stop');
    await trains(driver);
    driver.process.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(processesOf(driver.runDir).length).toBeGreaterThan(0);
    const begin = performance.now();
    driver.process.kill('SIGINT');
    expect(await driver.ended).toBe(130);
    expect(performance.now() - begin).toBeLessThan(2000);
    expect(driver.last().end).toEqual({ kind: 'cancelled' });
    expect(processesOf(driver.runDir)).toEqual([]);
  });

  test('SIGTERM sent to the trainer by somebody else stops it cleanly', async () => {
    const driver = drive('run');
    await trains(driver);
    process.kill(driver.lines[0]!.pid!, 'SIGTERM');
    expect(await driver.ended).toBe(130);
    expect(driver.last().end).toEqual({ kind: 'cancelled' });
  });
});

describe('it does not start', () => {
  test('no such Python', async () => {
    const python = { python: '/nowhere/python3', source: 'PT_PYTHON' as const, version: '3' };
    const error = await failureOf(drive('finish', { python }));
    expect(error.code).toBe('python.broken');
    expect(error.message).toContain('/nowhere/python3');
  });

  test('a Python that breaks at its start', async () => {
    const broken = { python: '/bin/false', source: 'PT_PYTHON' as const, version: '3' };
    const error = await failureOf(drive('finish', { python: broken }));
    expect(error.code).toBe('python.broken');
    expect(error.message).toContain('exit code 1');
  });

  test('no such script', async () => {
    const error = await failureOf(drive('finish', { script: 'no_such_script.py' }));
    expect(error.code).toBe('trainer.missing_file');
    expect(error.message).toContain('no_such_script.py');
  });

  test('a run folder that cannot be written', async () => {
    const error = await failureOf(drive('finish', { runDir: '/proc' }));
    expect(error.code).toBe('bridge.failed');
    expect(error.message).toContain('trainer.log');
  });
});

test('a `print` in Python, DEBUG and warnings do not reach stdout', async () => {
  const driver = drive('finish', {}, { env: { DEBUG: '*', PYTHONVERBOSE: '1' } });
  expect(await driver.ended).toBe(0);
  expect(driver.noise).toBe('');
});

test('a resumed run does not see the events of the run before', async () => {
  const driver = drive('finish');
  await driver.ended;
  const before = readFileSync(join(driver.runDir, 'events.jsonl'), 'utf8').split('\n').length;
  const again = drive('finish', {}, { runDir: driver.runDir });
  expect(await again.ended).toBe(0);
  expect(readFileSync(join(driver.runDir, 'events.jsonl'), 'utf8').split('\n').length).toBeGreaterThan(
    before,
  );
  expect(again.lines.filter((line) => line.event?.type === 'start')).toHaveLength(1);
});
