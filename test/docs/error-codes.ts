import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../src/errors.ts';
import type { Manifest } from '../../src/manifest.ts';
import { root } from '../commands/run-pt.ts';

/** One place in the source where an error is made. */
export interface Thrown {
  code: string;
  file: string;
  /** Null where it is decided elsewhere. */
  exit: number | null;
  hasNextSteps: boolean;
}

const CLASSES = { UserError: EXIT.usage, CheckError: EXIT.check, OutsideError: EXIT.network } as const;

/** Words with a dot, in quotes, that look like codes and are none: files, tensors. */
const NO_CODE =
  /\.(json|jsonl|log|py|ts|txt|yaml|exe|html|safetensors|model)$|^model\.(norm|embed_tokens|final_layernorm)$|^schedule\.sandbox$/;

const sources = (folder: string, ending: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => ({ file: `${folder}/${file}`, text: readFileSync(join(root, folder, file), 'utf8') }));

/** The arguments of the call whose parenthesis is at `open`; strings may hold parentheses. */
function argumentsAt(text: string, open: number): string {
  let quote = '';
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    const char = text[at]!;
    if (quote) {
      if (char === '\\') at += 1;
      else if (char === quote) quote = '';
    } else if (`'"\``.includes(char)) quote = char;
    else if (char === '(') depth += 1;
    else if (char === ')' && --depth === 0) return text.slice(open + 1, at);
  }
  throw new Error(`a parenthesis without an end: ${text.slice(open, open + 80)}`);
}

function exitOf(name: keyof typeof CLASSES, call: string): number | null {
  const named = /exitCode: EXIT\.(\w+)/.exec(call)?.[1];
  if (named) return EXIT[named as keyof typeof EXIT];
  return /\bexitCode\b/.test(call) ? null : CLASSES[name];
}

/** Every error that `src/` makes with its code in the call. */
export function thrownInTypeScript(): Thrown[] {
  return sources('src', '.ts').flatMap(({ file, text }) =>
    [...text.matchAll(/new (UserError|CheckError|OutsideError)(?=\()/g)].flatMap((match) => {
      const call = argumentsAt(text, match.index + match[0].length);
      const code = /^\s*'([a-z_]+\.[a-z_]+)'/.exec(call)?.[1];
      if (!code) return [];
      const exit = exitOf(match[1] as keyof typeof CLASSES, call);
      return [{ code, file, exit, hasNextSteps: call.includes('nextSteps') }];
    }),
  );
}

/** Every code, wherever it is decided: helpers that take one, the parser's (`usage.*`), the trainer's and the Python package's. */
export function allCodes(): Set<string> {
  const thrown = thrownInTypeScript();
  const families = new Set([...thrown.map(({ code }) => code.split('.')[0]!), 'trainer', 'wallet']);
  const quoted = sources('src', '.ts').flatMap(({ text }) =>
    [...text.matchAll(/'([a-z_]+)\.([a-z_]+)'/g)]
      .filter(([, family, name]) => families.has(family!) && !NO_CODE.test(`${family}.${name}`))
      .map(([, family, name]) => `${family}.${name}`),
  );
  const parser = readFileSync(join(root, 'src/cli/usage-error.ts'), 'utf8');
  const usage = [...parser.matchAll(/\bfail\(\s*'([a-z_]+)'/g)].map(([, name]) => `usage.${name}`);
  const python = sources('python', '.py').flatMap(({ text }) => [
    ...[...text.matchAll(/TrainerError\(\s*"([a-z_]+)"/g)].map(([, name]) => `trainer.${name}`),
    ...[...text.matchAll(/PtError\(\s*"([a-z_.]+)"/g)].map(([, name]) => name!),
  ]);
  return new Set([...thrown.map(({ code }) => code), ...quoted, ...usage, ...python, 'cancelled', 'bug']);
}

/** Every command that the source tells people to type: strings that begin with `pt `, up to a comment, with the file they are in. */
export function toldCommands(): { command: string; file: string }[] {
  const files = [...sources('src', '.ts'), ...sources('python', '.py'), ...sources('scripts', '.mjs')];
  return files.flatMap(({ file, text }) =>
    [...text.matchAll(/(['"`])((?:npx )?pt [^\n]*?)(?<!\\)\1/g)]
      .map(([, , command]) => command!.replace(/^npx /, '').replace(/\s+#.*$/, ''))
      // Sentences also begin with pt; commands go on with a word and never with a full stop.
      .filter(
        (command) => /^pt [a-z_-]+( |$)/.test(command) && !/[a-z] [a-z]+ [a-z]+ [a-z]+|[.:;,]$/.test(command),
      )
      .map((command) => ({ command, file })),
  );
}

/** Whether a command line `pt …` names a command that there is, and only flags that it has. */
export function isKnownCommand(manifest: Manifest, command: string): boolean {
  const words = command.slice(3).split(/\s+/);
  const [two, one] = [words.slice(0, 2).join(':'), words[0]!].map((id) => id.replaceAll('_', '-'));
  const found = manifest[two!] ?? manifest[one!];
  // `pt sandbox` speaks of the topic; `pt help` is main's own.
  if (!found)
    return one === 'help' || one === '--help' || Object.keys(manifest).some((id) => id.startsWith(`${one}:`));
  const known = Object.values(found.flags).flatMap(({ name, aliases = [], allowNo }) =>
    [name, ...aliases].flatMap((flag) => [`--${flag}`, ...(allowNo ? [`--no-${flag}`] : [])]),
  );
  const typed = command.match(/(?<= )--[a-z][a-z0-9-]*/g) ?? [];
  return typed.every((flag) => flag === '--help' || known.includes(flag));
}
