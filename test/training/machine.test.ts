import { expect, test } from 'vitest';
import { PtError } from '../../src/errors.ts';
import { type Machine, refuseHugeBatch, refuseImpossible, type Spread } from '../../src/training/machine.ts';

const cpu: Machine = { platform: 'linux', cores: 2, gpus: 0, memoryBytes: 8e9 };
const cards: Machine = { platform: 'linux', cores: 64, gpus: 8, memoryBytes: 1e12 };
const unknown: Machine = { ...cards, gpus: null };

function refusal(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (!(error instanceof PtError)) throw error;
    expect(error.exitCode).toBe(2);
    expect(error.nextSteps.length).toBeGreaterThan(0);
    return error.message;
  }
}
const refused = (spread: Partial<Spread>, machine = cpu) =>
  refusal(() => refuseImpossible({ device: 'auto', named: true, ...spread }, machine));
const together = { rdzvEndpoint: 'a:29500' };

test.each<[Partial<Spread>, Machine]>([
  [{}, cpu],
  [{ gpus: 2 }, cpu],
  [{ gpus: 8 }, cards],
  [{ gpus: 64, device: 'cpu' }, cards],
  [{ gpus: 64 }, unknown],
  [{ device: 'cuda:7' }, cards],
  [{ device: 'cuda:99' }, unknown],
  [{ device: 'mps' }, { ...cpu, platform: 'darwin' }],
  [{ nnodes: '1' }, cpu],
  [{ nnodes: '2:4', nodeRank: 3, ...together }, cpu],
  [{ nnodes: '2', rdzvEndpoint: '[::1]:29500' }, cpu],
])('%j is let through', (spread, machine) => expect(refused(spread, machine)).toBeNull());

test.each<[Partial<Spread>, Machine, string]>([
  [{ gpus: 99 }, cpu, '--gpus 99: on the CPU each process needs a core, and this machine has 2.'],
  [{ gpus: 9 }, cards, '--gpus 9: this machine has 8 GPUs'],
  [{ gpus: 65, device: 'cpu' }, cards, '--gpus 65: on the CPU'],
  [{ gpus: 65 }, unknown, '--gpus 65: this machine has 64 cores'],
  [{ gpus: 2, device: 'cuda:1' }, cards, '--gpus 2: --device cuda:1 is one device'],
  [{ device: 'cuda' }, cpu, '--device cuda: this machine has no GPU'],
  [{ device: 'cuda:8' }, cards, '--device cuda:8: this machine has 8 GPUs'],
  [{ device: 'mps' }, cards, '--device mps: only a Mac'],
  [{ nnodes: '4:2', ...together }, cpu, '--nnodes 4:2: must be N, or MIN:MAX'],
  [{ nnodes: '0' }, cpu, '--nnodes 0'],
  [{ nnodes: '0:2' }, cpu, '--nnodes 0:2'],
  [{ nnodes: 'two' }, cpu, '--nnodes two'],
  [{ nnodes: '99999999999999999999' }, cpu, '--nnodes 9999'],
  [{ nnodes: '2' }, cpu, '--nnodes 2: --rdzv-endpoint must say'],
  [together, cpu, '--rdzv-endpoint a:29500: machines meet there, and --nnodes does not say how many.'],
  [{ nnodes: '2', nodeRank: 2, ...together }, cpu, '--node-rank 2: ranks go from 0 to 1'],
  [{ nodeRank: 1 }, cpu, '--node-rank 1: ranks go from 0 to 0'],
  [{ nnodes: '2', rdzvEndpoint: 'host' }, cpu, '--rdzv-endpoint host: must be HOST:PORT'],
  [{ nnodes: '2', rdzvEndpoint: 'host:99999' }, cpu, '--rdzv-endpoint host:99999'],
  [{ nnodes: '2', rdzvEndpoint: '-x:1:2' }, cpu, '--rdzv-endpoint -x:1:2'],
])('%j is refused', (spread, machine, message) => expect(refused(spread, machine)).toContain(message));

test('a micro-batch is bounded by the memory where that can be said', () => {
  const shape = { hidden_size: 64, num_hidden_layers: 2 };
  const bs = (batchSize: unknown, machine = cpu, device = 'auto') =>
    refusal(() => refuseHugeBatch({ batchSize, sequenceLength: 256, device }, shape, machine));
  for (const fine of [null, 'auto', 1, 512]) expect(bs(fine)).toBeNull();
  expect(bs(999_999)).toBe(
    '--bs 999999: a micro-batch of 255999744 tokens takes 65.5 GB and more; this machine has 8.00 GB.',
  );
  expect(bs(999_999, cards)).toBeNull();
  expect(bs(999_999, { ...cards, memoryBytes: 8e9 }, 'cpu')).toContain('--bs 999999');
});
