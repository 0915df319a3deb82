import { expect, test } from 'vitest';
import { installProgress } from '../../src/bridge/install-progress.ts';

/** What the lines come to, as `done/total` in bytes. */
function far(lines: string[]): string[] {
  const progress = installProgress();
  return lines.flatMap((line) => {
    const step = progress.read(line);
    return step?.kind === 'progress' ? [`${step.done}/${step.total ?? '?'}`] : [];
  });
}

// As uv 0.13.9 and pip 24 print them where they have no terminal.
test('uv, which downloads several things at once', () => {
  expect(
    far([
      'Resolved 2 packages in 241ms',
      'Downloading torch (2.0MiB)',
      'Downloading numpy (1.0MiB)',
      ' Downloaded numpy',
      ' Downloaded torch',
      'Prepared 2 packages in 904ms',
      'Bytecode compiled 494 files in 4.82s',
    ]),
  ).toEqual([
    '0/?',
    '0/2097152',
    '0/3145728',
    '1048576/3145728',
    '3145728/3145728',
    '3145728/3145728',
    '3145728/3145728',
  ]);
});

test('pip, which downloads one thing after the other', () => {
  expect(
    far([
      'Collecting tokenizers',
      '  Downloading tokenizers-0.23.3-cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl (3.3 MB)',
      'Collecting huggingface-hub<2.0,>=0.16.4',
      '  Downloading huggingface_hub-1.2.3-py3-none-any.whl (520 kB)',
      'Installing collected packages: tokenizers',
    ]),
  ).toEqual(['0/?', '0/3300000', '3300000/3300000', '3300000/3820000', '3820000/3820000']);
});
