import { UserError } from '../errors.ts';

interface FlagShape {
  type: string;
  aliases?: string[];
  allowNo?: boolean;
}

const kebab = (name: string) => name.replace(/[._]/g, '-');

/**
 * Turns the old spellings of flags into ours: `--wallet.name x`, `--hf_repo_id=x`, `--no_upload_b16` become `--wallet-name x`,
 * `--hf-repo-id=x`, `--no-upload-b16`. Only names that the command knows are touched, and nothing after `--`. `--flag=true` and
 * `--flag=false` work for switches.
 */
export function normalizeArgv(argv: string[], flags: Record<string, FlagShape>): string[] {
  const known = new Map<string, FlagShape>();
  for (const [name, flag] of Object.entries(flags)) {
    for (const spelling of [name, ...(flag.aliases ?? [])]) known.set(spelling, flag);
  }
  const end = argv.indexOf('--');
  return argv.map((token, index) => {
    if (!token.startsWith('--') || token === '--' || (end !== -1 && index > end)) return token;
    const equals = token.indexOf('=');
    const typed = equals === -1 ? token.slice(2) : token.slice(2, equals);
    const name = kebab(typed);
    const positive = name.startsWith('no-') && !known.has(name) ? name.slice(3) : name;
    const flag = known.get(positive);
    if (flag === undefined) return token;
    if (equals === -1) return `--${name}`;
    if (flag.type !== 'boolean') return `--${name}${token.slice(equals)}`;
    return switchWithValue(positive, name, token.slice(equals + 1), flag);
  });
}

function switchWithValue(positive: string, name: string, value: string, flag: FlagShape): string {
  const on = /^(true|1|yes)$/i.test(value);
  const off = /^(false|0|no)$/i.test(value);
  if (name === positive && on) return `--${positive}`;
  if (name === positive && off && flag.allowNo) return `--no-${positive}`;
  throw new UserError('usage.flag_value', `--${name} is a switch and takes no value.`, {
    nextSteps: [
      flag.allowNo ? `Write --${positive} or --no-${positive}.` : `Write --${positive} or leave it out.`,
    ],
  });
}
