import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../commands/run-pt.ts';

/** A fenced block of a page. */
export interface Block {
  page: string;
  /** Line of its first line, as editors count. */
  line: number;
  language: string;
  text: string;
  /** Why it is not run: the words of `<!-- not run: … -->` right before it. */
  notRun: string | null;
}

/** README, CONTRIBUTING and everything under docs/. */
export const pages: string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`)
    .toSorted(),
];

/** Every fenced block of a page; those inside lists lose the list's indentation. */
export function blocksOf(page: string): Block[] {
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const open = /^( *)```(\w*)/.exec(lines[at]!);
    if (!open) continue;
    const [, indent = '', language = ''] = open;
    const begin = at + 1;
    do at += 1;
    while (at < lines.length && lines[at]!.trim() !== '```');
    const before = lines.slice(0, begin - 1).findLast((line) => line.trim() !== '') ?? '';
    blocks.push({
      page,
      line: begin + 1,
      language,
      text: lines
        .slice(begin, at)
        .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
        .join('\n'),
      notRun: /^\s*<!-- not run: (.+) -->$/.exec(before)?.[1] ?? null,
    });
  }
  return blocks;
}

export const isShell = ({ language }: Block): boolean => ['sh', 'bash', 'shell'].includes(language);
