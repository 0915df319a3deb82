import { Flags } from '@oclif/core';
import { shippedNames } from '../shipped.ts';

/**
 * Flags that several commands share. Spellings: the kebab form is ours; `--a.b_c` and `--a_b_c` are turned into it before
 * parsing (normalize-argv.ts), so an alias here is only needed where the old word itself differs.
 *
 * No flag has a default here: what is not given comes from settings, so that its origin can be told.
 */

export const globalFlags = {
  json: Flags.boolean({ summary: 'Print one JSON object on stdout', helpGroup: 'GLOBAL' }),
  quiet: Flags.boolean({ summary: 'Show only results, warnings and errors', helpGroup: 'GLOBAL' }),
  'no-color': Flags.boolean({ summary: 'No colours (as NO_COLOR does)', helpGroup: 'GLOBAL' }),
};

/** Every whole number has a largest value, so that none is rounded, overflows, or is waited for for ever: of what is counted, and of blocks. */
export const COUNT = { min: 0, max: 2 ** 31 - 1 };
export const BLOCK = { min: 0, max: 2 ** 32 - 1 };

export const networkFlags = {
  network: Flags.string({
    summary: 'finney, test, local, sandbox, or an address ws://… (finney)',
    helpGroup: 'NETWORK',
    aliases: ['subtensor-network', 'subtensor-chain-endpoint', 'chain-endpoint'],
  }),
  netuid: Flags.integer({ summary: "Subnet (the profile's)", helpGroup: 'NETWORK', min: 0, max: 65_535 }),
  profile: Flags.string({
    summary: `Rules of one subnet: ${shippedNames('profiles').join(', ')}; history, to look back, those of all releases (3.2)`,
    helpGroup: 'NETWORK',
  }),
  profiles: Flags.string({ summary: 'Folder with more profiles (none)', helpGroup: 'NETWORK' }),
  competition: Flags.string({
    summary: 'Competition, by id or name (the one that fits the model)',
    helpGroup: 'NETWORK',
    aliases: ['competition-id'],
  }),
  offline: Flags.boolean({ summary: 'Open no connection off this machine', helpGroup: 'NETWORK' }),
};

/** For what asks which subnet, and of none of its competitions. */
const { competition: _competition, ...subnetFlags } = networkFlags;

export { subnetFlags };

export const walletFlags = {
  'wallet-name': Flags.string({ summary: 'Wallet folder (default)', helpGroup: 'WALLET' }),
  'wallet-hotkey': Flags.string({ summary: 'Hotkey in that wallet (default)', helpGroup: 'WALLET' }),
  'wallet-path': Flags.string({
    summary: 'Folder of all wallets (~/.bittensor/wallets)',
    helpGroup: 'WALLET',
  }),
};

/** For the commands that open the hotkey's file; the others know it by its address. */
export const signingFlags = {
  ...walletFlags,
  'wallet-password-fd': Flags.integer({
    summary: "Read an encrypted hotkey's password from this file descriptor (asks)",
    helpGroup: 'WALLET',
    ...COUNT,
  }),
};

export const hubFlags = {
  'hub-endpoint': Flags.string({
    summary: "Address of the Hub (HF_ENDPOINT, else the network's)",
    helpGroup: 'HUB',
  }),
};

/** Which text models are scored on, and where; beside `--data`. */
export const sampleFlags = {
  'text-column': Flags.string({
    summary: 'Column of --data that holds the text (text)',
    dependsOn: ['data'],
  }),
  pages: Flags.integer({ ...COUNT, summary: "Pages of text for each data set (the competition's)", min: 1 }),
  seed: Flags.integer({ ...BLOCK, summary: 'Which pages (the same for everybody for 150 blocks)' }),
  device: Flags.string({ summary: 'auto, cpu, cuda, cuda:N, mps (auto)' }),
};

/** What is published and how; for `pt train` and `pt upload`. */
export const publishFlags = {
  'hf-repo-id': Flags.string({
    summary: 'Repository to publish to, namespace/name (nothing is published)',
    helpGroup: 'PUBLISHING',
  }),
  dtype: Flags.string({
    summary: 'Weights as published: upload takes bf16, train what the competition loads',
    helpGroup: 'PUBLISHING',
    options: ['bf16', 'fp32'],
  }),
  'upload-b16': Flags.boolean({
    summary: 'The old spelling of --dtype bf16; --no-upload-b16 is --dtype fp32',
    helpGroup: 'PUBLISHING',
    hidden: true,
    allowNo: true,
    exclusive: ['dtype'],
  }),
  'use-hotkey-in-hash': Flags.boolean({
    summary: 'Bind the content hash to the hotkey (profile 3.2; 6.0 always does)',
    helpGroup: 'PUBLISHING',
    allowNo: true,
  }),
  field: Flags.string({
    summary: "A value that the profile's text names and pt cannot know, NAME=VALUE (none)",
    helpGroup: 'PUBLISHING',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'update-repo-visibility': Flags.boolean({
    summary: 'Make the repository public after the commitment (default)',
    helpGroup: 'PUBLISHING',
    allowNo: true,
  }),
  'list-competitions': Flags.boolean({ summary: 'Show the competitions and end', helpGroup: 'PUBLISHING' }),
};

/** Who is told of what happens. */
export const notifyFlag = {
  notify: Flags.string({
    summary:
      'Webhook told when it ends, fails, publishes or is overtaken: ADDRESS, slack:ADDRESS, discord:ADDRESS, TEMPLATE.json:ADDRESS (PT_NOTIFY, which keeps it out of the process list)',
    helpValue: 'WEBHOOK',
  }),
};

/** For every command that writes outside this machine. */
export const writeFlags = {
  yes: Flags.boolean({ char: 'y', summary: 'Answer yes to every question', helpGroup: 'SAFETY' }),
  'dry-run': Flags.boolean({
    summary: 'Do everything except write outside this machine',
    helpGroup: 'SAFETY',
  }),
};

/** The network of one command, typed again for another (`--list-competitions`). */
export function networkArgs(flags: { [name in keyof typeof networkFlags]?: unknown }): string[] {
  return (['network', 'netuid', 'profile', 'profiles', 'competition'] as const)
    .flatMap((name) => (flags[name] === undefined ? [] : [`--${name}`, String(flags[name])]))
    .concat(flags.offline === true ? ['--offline'] : []);
}

/** What of a command's flags `--list-competitions` has no use for, in words; null: none was given. */
export function idleInList(flags: Record<string, unknown>): string | null {
  const used = { ...networkFlags, ...globalFlags, 'list-competitions': null };
  const idle = Object.keys(flags).filter((name) => flags[name] !== undefined && !(name in used));
  if (idle.length === 0) return null;
  return `${idle.map((name) => `--${name}`).join(', ')} ${idle.length > 1 ? 'do' : 'does'} nothing with --list-competitions.`;
}

/** The dtype that `publishFlags` ask for; bf16 when nothing is said. */
export function publishedDtype(flags: { dtype?: string; 'upload-b16'?: boolean }): 'bf16' | 'fp32' {
  if (flags.dtype === 'bf16' || flags.dtype === 'fp32') return flags.dtype;
  return flags['upload-b16'] === false ? 'fp32' : 'bf16';
}
