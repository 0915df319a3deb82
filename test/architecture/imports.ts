import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync } from 'oxc-parser';

export interface Import {
  /** File under `src/`. */
  file: string;
  /** A file under `src/`, or the name of a package. */
  to: string;
  isPackage: boolean;
}

/** A room is a folder of `src/`, or a file right in it. */
export const roomOf = (file: string): string =>
  file.includes('/') ? file.slice(0, file.indexOf('/') + 1) : file;

/** `@scope/name` or `name` of `@scope/name/deep/file.js`. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Every import of a file, of types too, also when it is awaited or exported again; Node's own modules are left out. */
export function importsOf(file: string, text: string): Import[] {
  const { module, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  const specifiers = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.flatMap(
      ({ moduleRequest: { start, end } }) =>
        /^['"`]([^$]+)['"`]$/.exec(text.slice(start, end))?.slice(1) ?? [],
    ),
  ];
  return specifiers
    .filter((specifier) => !specifier.startsWith('node:'))
    .map((specifier) =>
      specifier.startsWith('.')
        ? { file, to: normalize(join(dirname(file), specifier)), isPackage: false }
        : { file, to: packageOf(specifier), isPackage: true },
    );
}

export const sourceFiles = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

export const allImports = (root: string): Import[] =>
  sourceFiles(root).flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')));

/** First word and the others of each line of the block after `<!-- NAME -->`; lines that begin with a space go on with the one before. */
export function blockOf(page: string, name: string): [string, string[]][] {
  const block = new RegExp(`^<!-- ${name} -->\\n+\`\`\`text\\n(.*?)^\`\`\``, 'ms').exec(page)?.[1];
  if (block === undefined) throw new Error(`the page has no block ${name}`);
  return block
    .split('\n')
    .filter((line) => /^\S/.test(line))
    .map((line) => {
      const [first = '', ...others] = line.split(/\s+/);
      return [first, others];
    });
}

/** What is wrong with imports, one line each: those that go up, and packages outside their rooms. */
export function violations(imports: Import[], rooms: string[], libraries: Map<string, string[]>): string[] {
  return imports.flatMap(({ file, to, isPackage }) => {
    const from = roomOf(file);
    if (isPackage)
      return libraries.get(to)?.includes(from) ? [] : [`${file} imports ${to}: not listed for ${from}`];
    const target = roomOf(to);
    if (target === from || rooms.indexOf(target) > rooms.indexOf(from)) return [];
    return [`${file} imports ${to}: ${target} does not stand below ${from}`];
  });
}
