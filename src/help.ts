import { styleText } from 'node:util';
import type { Manifest, ManifestCommand, ManifestFlag } from './manifest.ts';
import { visibleIds } from './manifest.ts';

/** The order of the first page. A command that is not here stands at the end. */
const GROUPS: [title: string, ids: string[]][] = [
  ['TRAIN AND PUBLISH', ['train', 'check', 'upload', 'evaluate', 'merge', 'report', 'dashboard']],
  ['RUNS', ['runs', 'attach', 'logs', 'stop', 'runs:tag', 'runs:note', 'runs:rm', 'runs:prune']],
  [
    'THE NETWORK',
    [
      'status',
      'competitions',
      'profiles',
      'profiles:show',
      'load-best',
      'load',
      'wallet:list',
      'wallet:show',
    ],
  ],
  [
    'THIS MACHINE',
    [
      'setup',
      'doctor',
      'clean',
      'config:show',
      'use',
      'sandbox:start',
      'sandbox:stop',
      'sandbox:status',
      'sandbox:env',
      'sandbox:judge',
      'sandbox:reset',
      'completion',
    ],
  ],
];

const ABOUT =
  'pt trains language models for decentralised model competitions, publishes them and loads them back.';

/** Groups of flags that every command shares come last, in this order. */
const LAST = ['PUBLISHING', 'NETWORK', 'WALLET', 'HUB', 'SAFETY', 'GLOBAL'];

export interface HelpStyle {
  width: number;
  color: boolean;
  /** What is typed to call the tool here. */
  program: string;
}

const spaced = (id: string) => id.replaceAll(':', ' ');

function bold(text: string, { color }: Pick<HelpStyle, 'color'>): string {
  return color ? styleText('bold', text, { validateStream: false }) : text;
}

/** Breaks text at spaces; lines that are indented stay as they are. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

/** Two columns: names, and what they are; one above the other where the terminal is too narrow. */
function columns(rows: [string, string][], width: number): string[] {
  const left = Math.max(...rows.map(([name]) => name.length));
  const room = width - left - 4;
  if (room < 24) {
    return rows.flatMap(([name, text]) => [
      `  ${name}`,
      ...wrap(text, Math.max(10, width - 6)).map((line) => `      ${line}`),
    ]);
  }
  return rows.flatMap(([name, text]) =>
    wrap(text, room).map((line, i) => `  ${(i === 0 ? name : '').padEnd(left)}  ${line}`.trimEnd()),
  );
}

/** The first page: every command under its heading. With a topic, only the commands under it. */
export function listCommands(manifest: Manifest, topic: string | null, style: HelpStyle): string {
  const ids = visibleIds(manifest).filter((id) => topic === null || id.startsWith(`${topic}:`));
  const listed = GROUPS.flatMap(([, group]) => group);
  const groups: [string, string[]][] =
    topic === null ? [...GROUPS, ['MORE', ids.filter((id) => !listed.includes(id))]] : [['COMMANDS', ids]];
  const { program } = style;
  const usage = `${program} ${topic === null ? 'COMMAND' : `${topic} COMMAND`} [FLAGS]`;
  const lines = topic === null ? [...wrap(ABOUT, style.width), ''] : [];
  lines.push(`${bold('USAGE', style)}`, `  ${usage}`, '');
  for (const [title, group] of groups) {
    const shown = group.filter((id) => ids.includes(id));
    if (shown.length === 0) continue;
    const rows = shown.map((id): [string, string] => [spaced(id), manifest[id]?.summary ?? '']);
    lines.push(bold(title, style), ...columns(rows, style.width), '');
  }
  if (topic === null) {
    lines.push(
      bold('START', style),
      `  ${program} sandbox start --detach`,
      `  ${program} train --network sandbox --hf-repo-id me/first --avg-loss-upload-threshold 1000 --yes`,
      `  ${program} load-best --network sandbox`,
      '',
    );
  }
  lines.push(
    ...wrap(
      `${program} ${topic === null ? '' : `${topic} `}COMMAND --help says more about one command.`,
      style.width,
    ),
  );
  return lines.join('\n');
}

function flagName(flag: ManifestFlag): string {
  const name = `${flag.char ? `-${flag.char}, ` : ''}--${flag.allowNo ? '[no-]' : ''}${flag.name}`;
  if (flag.type === 'boolean') return name;
  return `${name} ${flag.helpValue ?? (flag.options ? flag.options.join('|') : 'VALUE')}`;
}

/** Flags under their headings: the command's own first, shared groups last. Also used for docs/commands.md. */
export function groupFlags(command: ManifestCommand): [title: string, flags: ManifestFlag[]][] {
  const groups = new Map<string, ManifestFlag[]>();
  for (const flag of Object.values(command.flags)) {
    if (flag.hidden) continue;
    const title = flag.helpGroup ?? '';
    groups.set(title, [...(groups.get(title) ?? []), flag]);
  }
  const rank = (title: string) =>
    title === '' ? -1 : LAST.indexOf(title) === -1 ? 0 : 1 + LAST.indexOf(title);
  return [...groups].sort(([a], [b]) => rank(a) - rank(b));
}

export const flagTitle = (title: string): string => (title === '' ? 'FLAGS' : `${title} FLAGS`);

/** `pt check DIR [FLAGS]`. */
export function usageOf(command: ManifestCommand, program = 'pt'): string {
  const args = Object.values(command.args).map(({ name, required }) =>
    required ? name.toUpperCase() : `[${name.toUpperCase()}]`,
  );
  const more = command.strict === false && args.length > 0 ? ['…'] : [];
  return [program, spaced(command.id), ...args, ...more, '[FLAGS]'].join(' ');
}

/** Examples as command lines. */
export const examplesOf = (command: ManifestCommand, program = 'pt'): string[] =>
  (command.examples ?? []).map((example) =>
    (typeof example === 'string' ? example : example.command).replaceAll('<%= config.bin %>', program),
  );

export { flagName };

/** One command: summary, usage, arguments, flags, description, examples. */
export function describeCommand(command: ManifestCommand, style: HelpStyle): string {
  const { width, program } = style;
  const lines = [
    ...wrap(command.summary ?? '', width),
    '',
    bold('USAGE', style),
    `  ${usageOf(command, program)}`,
    '',
  ];
  const args = Object.values(command.args);
  if (args.length > 0) {
    const rows = args.map(({ name, description = '' }): [string, string] => [
      name.toUpperCase(),
      description,
    ]);
    lines.push(bold('ARGUMENTS', style), ...columns(rows, width), '');
  }
  if (command.description) lines.push(...wrap(command.description.replace(/\n(?!\n)/g, ' '), width), '');
  for (const [title, flags] of groupFlags(command)) {
    const rows = flags.map((flag): [string, string] => [
      flagName(flag),
      flag.summary ?? flag.description ?? '',
    ]);
    lines.push(bold(flagTitle(title), style), ...columns(rows, width), '');
  }
  const examples = examplesOf(command, program);
  if (examples.length > 0) lines.push(bold('EXAMPLES', style), ...examples.map((line) => `  ${line}`), '');
  return lines.join('\n').trimEnd();
}
