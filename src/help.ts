import { stripVTControlCharacters } from 'node:util';
import { type Config, Help } from '@oclif/core';
import { isAsciiLocale, toAscii } from './ui/text.ts';

/** oclif's help, on stdout, without escape sequences where stdout is not a terminal. */
class PtHelp extends Help {
  protected override log(...lines: string[]): void {
    const text = lines.join('\n');
    const plain = process.stdout.isTTY && !process.env.NO_COLOR ? text : stripVTControlCharacters(text);
    process.stdout.write(`${isAsciiLocale(process.env) ? toAscii(plain) : plain}\n`);
  }
}

/** Shows the help of a command or topic by id; of everything with null. */
export async function showHelp(config: Config, id: string | null): Promise<void> {
  const help = new PtHelp(config, { ...config.pjson.oclif.helpOptions });
  await help.showHelp(id === null ? [] : [id]);
}
