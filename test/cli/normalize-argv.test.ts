import { expect, test } from 'vitest';
import {
  hubFlags,
  networkFlags,
  publishedDtype,
  publishFlags,
  walletFlags,
  writeFlags,
} from '../../src/cli/flags.ts';
import { normalizeArgv } from '../../src/cli/normalize-argv.ts';

const flags = { ...networkFlags, ...walletFlags, ...hubFlags, ...publishFlags, ...writeFlags };
const normal = (...argv: string[]) => normalizeArgv(argv, flags as never);

test.each([
  ['--wallet.name', '--wallet-name'],
  ['--wallet_hotkey', '--wallet-hotkey'],
  ['--wallet-path', '--wallet-path'],
  ['--subtensor.network', '--subtensor-network'],
  ['--subtensor.chain_endpoint', '--subtensor-chain-endpoint'],
  ['--hf_repo_id', '--hf-repo-id'],
  ['--competition_id', '--competition-id'],
  ['--use_hotkey_in_hash', '--use-hotkey-in-hash'],
  ['--no_use_hotkey_in_hash', '--no-use-hotkey-in-hash'],
  ['--upload_b16', '--upload-b16'],
  ['--no-upload-b16', '--no-upload-b16'],
  ['--update_repo_visibility', '--update-repo-visibility'],
])('%s is %s', (old, ours) => {
  expect(normal(old)).toEqual([ours]);
});

test('values with = stay as they are', () => {
  expect(normal('--hf_repo_id=a_b/c.d', '--wallet.name=x=y')).toEqual([
    '--hf-repo-id=a_b/c.d',
    '--wallet-name=x=y',
  ]);
});

test('unknown names, values and everything after -- are left alone', () => {
  expect(normal('--no.such_flag', 'some_file.txt', '--', '--wallet.name')).toEqual([
    '--no.such_flag',
    'some_file.txt',
    '--',
    '--wallet.name',
  ]);
});

test('switches take true and false, and nothing else', () => {
  expect(normal('--offline=true', '--upload_b16=false')).toEqual(['--offline', '--no-upload-b16']);
  expect(() => normal('--yes=maybe')).toThrow(/takes no value/);
});

test('both old spellings of the published dtype keep their documented meaning', () => {
  expect(publishedDtype({})).toBe('bf16');
  expect(publishedDtype({ 'upload-b16': true })).toBe('bf16');
  expect(publishedDtype({ 'upload-b16': false })).toBe('fp32');
  expect(publishedDtype({ dtype: 'fp32' })).toBe('fp32');
});
