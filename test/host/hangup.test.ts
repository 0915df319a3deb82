import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';

const child = join(import.meta.dirname, 'hangup-child.ts');
const terminal = join(import.meta.dirname, '../support/close_terminal.py');
const dir = mkdtempSync(join(tmpdir(), 'pt-hangup-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** What a process that is started so says of itself. `ASK` in the command is that process. */
async function says(command: string[], options: Options = {}): Promise<string> {
  const answer = join(dir, 'answer');
  const ask = `${process.execPath} ${child} ${answer}`;
  rmSync(answer, { force: true });
  const [file, ...args] = command.map((word) => word.replace('ASK', ask));
  await execa(file!, args, {
    cwd: dir,
    extendEnv: false,
    env: { PATH: process.env.PATH, NODE_NO_WARNINGS: '1' },
    stdin: 'ignore',
    ...options,
  });
  return readFileSync(answer, 'utf8');
}
const inTerminal = (...command: string[]) => ['python3', terminal, join(dir, 'answer'), 'e', ...command];

describe.skipIf(process.platform !== 'linux')('a process that is to outlive its terminal', () => {
  test.each([
    ['nohup, in a terminal, from a shell that leaves no note', inTerminal('sh', '-c', 'nohup ASK; :')],
    ['nohup, in a terminal, all redirected', inTerminal('bash', '-c', 'nohup ASK > log 2>&1 < in; :')],
    ['nohup, without a terminal', ['bash', '-c', 'nohup ASK > log 2>&1; :']],
    ['nohup before a script', ['nohup', 'sh', '-c', 'ASK; :']],
    ['a shell that ignores SIGHUP', ['sh', '-c', "trap '' HUP; ASK; :"]],
  ])('knows it: %s', async (_, command) => {
    writeFileSync(join(dir, 'in'), '');
    expect(await says(command)).toBe('true');
  });

  test.each([
    ['in a terminal', inTerminal('sh', '-c', 'ASK; :')],
    ['in a terminal, redirected', inTerminal('bash', '-c', 'ASK > log 2>&1 < /dev/null; :')],
    ['without a terminal', ['sh', '-c', 'ASK; :']],
  ])('and any other does not: %s', async (_, command) => expect(await says(command)).toBe('false'));
});
