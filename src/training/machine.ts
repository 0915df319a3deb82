import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { UserError } from '../errors.ts';
import { formatBytes } from '../text/format.ts';

/** What this machine has, as far as it is known before PyTorch is asked. */
export interface Machine {
  platform: NodeJS.Platform;
  cores: number;
  /** NVIDIA GPUs that a trainer sees; null: only PyTorch can tell (AMD, WSL, Jetson, Windows). */
  gpus: number | null;
  memoryBytes: number;
}

/** How a run is spread, as it was typed; undefined: not given. */
export interface Spread {
  device: string;
  gpus?: number | undefined;
  nnodes?: string | undefined;
  nodeRank?: number | undefined;
  rdzvEndpoint?: string | undefined;
  /** Whether the run has a name that all machines know. */
  named: boolean;
}

export const thisMachine = (env: NodeJS.ProcessEnv): Machine => ({
  platform: process.platform,
  cores: availableParallelism(),
  gpus: visibleGpus(env),
  memoryBytes: totalmem(),
});

/** From what the drivers show in the file system: it costs no second and no process, as `nvidia-smi` would. */
function visibleGpus(env: NodeJS.ProcessEnv): number | null {
  if (process.platform === 'darwin') return 0;
  const others = ['/dev/kfd', '/dev/dxg', '/dev/nvmap', '/dev/nvhost-ctrl'];
  if (process.platform !== 'linux' || others.some((device) => existsSync(device))) return null;
  const driver = '/proc/driver/nvidia/gpus';
  // A container may have the devices without the driver's folder.
  if (!existsSync(driver)) return existsSync('/dev/nvidiactl') ? null : 0;
  const installed = readdirSync(driver).length;
  const visible = env.CUDA_VISIBLE_DEVICES?.trim();
  if (visible === undefined) return installed;
  const named = visible.split(',').map((name) => name.trim());
  // CUDA stops at the first that is no device; slices of a card (MIG) have names of their own.
  const end = named.findIndex((name) => !/^(\d+|GPU-.+|MIG-.+)$/.test(name));
  return (end === -1 ? named : named.slice(0, end)).length;
}

/** Nodes of torch.distributed.run; more is a slip. */
const MOST_NODES = 4096;

/**
 * Refuses what this machine cannot do, before anything is made or started for it.
 * @throws UserError `usage.machines`, `device.missing` (exit 2)
 */
export function refuseImpossible(spread: Spread, machine: Machine): void {
  const nodes = readNodes(spread.nnodes);
  refuseLostFlags(spread, nodes);
  const [kind, index] = spread.device.split(':');
  if (kind === 'mps' && machine.platform !== 'darwin')
    throw noDevice(`--device mps: only a Mac has such a GPU; this is ${machine.platform}.`);
  if (kind === 'cuda' && machine.gpus !== null && Number(index ?? 0) >= machine.gpus)
    throw noDevice(`--device ${spread.device}: this machine has ${gpuCount(machine.gpus)}.`);
  const { gpus = 1 } = spread;
  if (gpus === 1) return;
  if (kind === 'mps' || index !== undefined)
    throw machines(`--gpus ${gpus}: --device ${spread.device} is one device.`, ['pt train --gpus 1']);
  const onGpus = kind !== 'cpu' && machine.gpus !== 0;
  const most = onGpus ? (machine.gpus ?? machine.cores) : machine.cores;
  if (gpus <= most) return;
  const why = onGpus
    ? machine.gpus === null
      ? `this machine has ${machine.cores} cores, and each process needs one`
      : `this machine has ${gpuCount(machine.gpus)}`
    : `on the CPU each process needs a core, and this machine has ${machine.cores}`;
  throw machines(`--gpus ${gpus}: ${why}.`, [`pt train --gpus ${most}`, 'pt doctor']);
}

/**
 * Refuses a micro-batch that cannot be in memory: less than what each layer gives to the next, in two bytes a number, is never held. What a
 * run really needs the trainer computes; this is what needs no computing. GPUs are left to it.
 * @throws UserError `usage.batch_size`
 */
export function refuseHugeBatch(
  { batchSize, sequenceLength, device }: { batchSize: unknown; sequenceLength: unknown; device: string },
  architecture: Record<string, unknown> | null,
  machine: Machine,
): void {
  const onCpu =
    device === 'cpu' || (device === 'auto' && machine.gpus === 0 && machine.platform !== 'darwin');
  if (typeof batchSize !== 'number' || !onCpu) return;
  const number = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise);
  const { hidden_size: hidden, num_hidden_layers: layers } = architecture ?? {};
  const tokens = batchSize * number(sequenceLength, 2);
  const bytes = tokens * Math.max(8, 2 * number(hidden, 1) * number(layers, 1));
  if (bytes <= machine.memoryBytes) return;
  throw new UserError(
    'usage.batch_size',
    `--bs ${batchSize}: a micro-batch of ${tokens} tokens takes ${formatBytes(bytes)} and more; this machine has ${formatBytes(machine.memoryBytes)}.`,
    { nextSteps: ['pt train --bs auto'] },
  );
}

function readNodes(text = '1'): { min: number; max: number } {
  const match = /^(\d{1,4})(?::(\d{1,4}))?$/.exec(text);
  const min = Number(match?.[1]);
  const max = Number(match?.[2] ?? min);
  if (match !== null && min >= 1 && min <= max && max <= MOST_NODES) return { min, max };
  throw machines(`--nnodes ${text}: must be N, or MIN:MAX with MIN not above MAX, from 1 to ${MOST_NODES}.`, [
    'pt train --nnodes 2 --rdzv-endpoint HOST:29500',
    'pt train --nnodes 2:4 --rdzv-endpoint HOST:29500',
  ]);
}

/** Flags that torch.distributed.run would not take, or that nothing would look at. */
function refuseLostFlags({ nnodes, nodeRank, rdzvEndpoint, named }: Spread, { max }: { max: number }): void {
  const meet = `--rdzv-endpoint HOST:29500${named ? '' : ' --run NAME'}`;
  if (nodeRank !== undefined && nodeRank >= max)
    throw machines(
      `--node-rank ${nodeRank}: ranks go from 0 to ${max - 1} (--nnodes ${nnodes ?? 1}).`,
      max > 1
        ? [`pt train --node-rank ${max - 1}`]
        : [`pt train --nnodes ${nodeRank + 1}${rdzvEndpoint === undefined ? ` ${meet}` : ''}`],
    );
  if (rdzvEndpoint === undefined) {
    if (max > 1)
      throw machines(`--nnodes ${nnodes}: --rdzv-endpoint must say where the machines meet.`, [
        `pt train ${meet}`,
      ]);
    return;
  }
  if (nnodes === undefined)
    throw machines(
      `--rdzv-endpoint ${rdzvEndpoint}: machines meet there, and --nnodes does not say how many.`,
      [
        `pt train --nnodes 2${named ? '' : ' --run NAME'}`,
        'pt train   # without --rdzv-endpoint, which one machine has no use for',
      ],
    );
  const port = Number(/^(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(rdzvEndpoint)?.[1] ?? 0);
  if (port < 1 || port > 65_535)
    throw machines(`--rdzv-endpoint ${rdzvEndpoint}: must be HOST:PORT.`, [`pt train ${meet}`]);
}

const gpuCount = (gpus: number): string =>
  gpus === 0 ? 'no GPU that a trainer sees' : `${gpus} GPU${gpus === 1 ? '' : 's'}, counted from 0`;

const machines = (message: string, nextSteps: string[]) =>
  new UserError('usage.machines', message, { nextSteps });

const noDevice = (message: string) =>
  new UserError('device.missing', message, { nextSteps: ['pt train --device auto', 'pt doctor'] });
