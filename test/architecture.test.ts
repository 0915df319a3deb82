import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allImports, blockOf, importsOf, roomOf, sourceFiles, violations } from './architecture/imports.ts';
import { root } from './commands/run-pt.ts';

const src = join(root, 'src');
const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8');
const rooms = blockOf(page, 'layers').map(([room]) => room);
const libraries = new Map(blockOf(page, 'libraries'));

describe('the picture in docs/architecture.md', () => {
  test('names every room, and no other', () => {
    expect(rooms.toSorted()).toEqual([...new Set(sourceFiles(src).map(roomOf))].toSorted());
  });

  test('is what the code is: imports go down, libraries stay in their rooms', () => {
    expect(violations(allImports(src), rooms, libraries)).toEqual([]);
  });

  test('names no library, and no room of one, that is not so', () => {
    const used = new Set(
      allImports(src)
        .filter(({ isPackage }) => isPackage)
        .map(({ file, to }) => `${to} in ${roomOf(file)}`),
    );
    const named = [...libraries].flatMap(([library, inRooms]) =>
      inRooms.map((room) => `${library} in ${room}`),
    );
    expect(named.filter((line) => !used.has(line))).toEqual([]);
  });
});

describe('the rule', () => {
  const found = (file: string, text: string) => violations(importsOf(file, text), rooms, libraries);

  test.each([
    ['up', 'chain/x.ts', "import { a } from '../publish/index.ts';"],
    ['up, of a type', 'rules/x.ts', "import type { A } from '../model/types.ts';"],
    [
      'up, beside another import',
      'hub/x.ts',
      "import {\n  a,\n} from '../errors.ts';\nexport * from '../settings/index.ts';",
    ],
    ['up, awaited', 'bridge/x.ts', "export const f = async () => await import('../ui/terminal.ts');"],
    ['of a library that another room knows', 'load/x.ts', "import { whoAmI } from '@huggingface/hub';"],
    ['of a file deep in a library', 'check/x.ts', "import { z } from 'zod/v4';"],
    ['of a library that is not listed', 'hub/x.ts', "import chalk from 'chalk';"],
  ])('sees an import %s', (_, file, text) => expect(found(file, text)).toHaveLength(1));

  test('takes what goes down, stays in its room, or is only said', () => {
    const text = `
      // import { a } from '../cli/base.ts';
      import { readFileSync } from 'node:fs';
      import { UserError } from '../errors.ts';
      import { b } from './b.ts';
      import { whoAmI } from '@huggingface/hub';
      export const c = "import { d } from '../cli/base.ts'";`;
    expect(found('hub/x.ts', text)).toEqual([]);
  });
});
