import { EXIT } from './errors.ts';
import { examplesOf, flagName, flagTitle, groupFlags, usageOf } from './help.ts';
import type { Manifest } from './manifest.ts';
import { visibleIds } from './manifest.ts';
import { jsonSchemas } from './output/index.ts';
import { DEFINITIONS } from './settings/index.ts';

/** What scripts rely on: names of commands, arguments and flags with their values, and the exit codes. A change of it is a decision. */
export function interfaceSnapshot(manifest: Manifest): object {
  const commands = Object.entries(manifest)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, { args, flags }]) => [
      id,
      {
        args: Object.values(args).map(({ name, required }) => (required ? name : `[${name}]`)),
        flags: Object.values(flags)
          .map(({ name, char, type, allowNo, options, multiple, aliases = [] }) =>
            [
              `--${allowNo ? '[no-]' : ''}${name}`,
              char && `-${char}`,
              type === 'option' && (options?.join('|') ?? 'VALUE'),
              multiple && '...',
              ...aliases.map((alias) => `--${alias}`),
            ]
              .filter(Boolean)
              .join(' '),
          )
          .toSorted(),
      },
    ]);
  return { commands: Object.fromEntries(commands), exitCodes: EXIT };
}

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');

function table(head: string[], rows: string[][]): string[] {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map((row) => line(row.map(cell)))];
}

/** docs/commands.md: every command with its flags, and every environment variable, from the code itself. */
export function commandReference(manifest: Manifest): string {
  const lines = [
    '# Commands',
    '',
    '<!-- Made by `npm run generate` from the code; do not edit. -->',
    '',
    'Old spellings of flags work too: `--wallet.name`, `--hf_repo_id`, `--subtensor.network` and the like.',
    'Every command takes the global flags `--json`, `--quiet`, `--no-color`; `-h` is help.',
    '',
  ];
  for (const id of visibleIds(manifest).toSorted()) {
    const command = manifest[id]!;
    lines.push(
      `## pt ${id.replaceAll(':', ' ')}`,
      '',
      `${command.summary ?? ''}`,
      '',
      '```',
      usageOf(command),
      '```',
      '',
    );
    if (command.description) lines.push(command.description, '');
    const args = Object.values(command.args);
    if (args.length > 0) {
      lines.push(
        ...table(
          ['argument', 'what'],
          args.map(({ name, description = '' }) => [name.toUpperCase(), description]),
        ),
        '',
      );
    }
    for (const [title, flags] of groupFlags(command)) {
      if (title === 'GLOBAL') continue;
      const heading = flagTitle(title).toLowerCase();
      const rows = flags.map((flag) => [`\`${flagName(flag)}\``, flag.summary ?? flag.description ?? '']);
      lines.push(...table([heading, 'what'], rows), '');
    }
    const examples = examplesOf(command);
    if (examples.length > 0) lines.push('```sh', ...examples, '```', '');
    const schema = `${id.replaceAll(':', '-')}.json`;
    if (jsonSchemas().has(schema)) lines.push(`\`--json\`: [schemas/${schema}](../schemas/${schema})`, '');
  }
  const variables = Object.values(DEFINITIONS).map(({ key, env, summary }) => [
    env.map((name) => `\`${name}\``).join(', '),
    `\`${key}\``,
    summary,
  ]);
  lines.push(
    '## Settings',
    '',
    'Flags win over the environment, then `.env` in the working folder, `config.yaml` in `PT_HOME`, and the constants.',
    '`config.yaml` takes the names of the middle column; secrets are not allowed there.',
    '',
    ...table(
      ['variable', 'flag or key', 'what'],
      [['`PT_HOME`', '', 'Folder of all state (`~/.pt`)'], ...variables],
    ),
    '',
    '## Exit codes',
    '',
    ...table(
      ['code', 'meaning'],
      Object.entries(EXIT).map(([name, code]) => [String(code), name]),
    ),
    '',
  );
  return lines.join('\n');
}
