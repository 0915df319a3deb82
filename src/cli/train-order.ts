/** What was typed of `pt train`, as what the rooms below take. */
import type { Interfaces } from '@oclif/core';
import { UserError } from '../errors.ts';
import { parseModelRef } from '../evaluation/index.ts';
import type { TrainOrder } from '../runs/index.ts';
import { runName, thisMachine, trackersOf } from '../training/index.ts';
import { publishedDtype } from './flags.ts';
import type { trainFlags } from './train-flags.ts';

export type TrainFlags = Interfaces.InferredFlags<typeof trainFlags>;

export const spreadOf = (flags: TrainFlags) => ({
  gpus: flags.gpus,
  nnodes: flags.nnodes,
  rdzvEndpoint: flags['rdzv-endpoint'],
  nodeRank: flags['node-rank'],
});

export function orderOf(flags: TrainFlags, run: { ask: TrainOrder['ask']; signal: AbortSignal }): TrainOrder {
  return {
    flags,
    start: {
      loadBest: flags['load-best'] ?? false,
      loadUid: flags['load-uid'] ?? null,
      loadModelDir: flags['load-model-dir'] ?? null,
      loadModel: flags['load-model'] ?? null,
      loadModelConfig: flags['load-model-config'] ?? null,
    },
    aim: aimOf(flags),
    recipe: flags.recipe ?? null,
    data: flags.data ?? [],
    duel: {
      against: kingNamed(flags.against),
      data: flags['duel-data'] ?? [],
      sequences: flags['duel-sequences'] ?? null,
    },
    competition: flags.competition ?? null,
    reportTo: trackersOf(flags['report-to']),
    wandb: { entity: flags['wandb-entity'] ?? null, project: flags['wandb-project'] ?? null },
    name: runName(flags.run),
    decayFrom: flags['decay-from'] ?? null,
    fromStart: flags['from-start'] ?? false,
    nnodes: flags.nnodes,
    nodeRank: flags['node-rank'],
    dryRun: flags['dry-run'] ?? false,
    cwd: process.cwd(),
    machine: thisMachine(process.env),
    ...run,
  };
}

/** A folder by its whole path: the run may go on from elsewhere. */
function kingNamed(text: string | undefined): string | null {
  if (text === '')
    throw new UserError('usage.against', '--against "" names no king.', { nextSteps: ['--against king'] });
  const ref = text === undefined ? null : parseModelRef(text);
  return ref?.kind === 'folder' ? ref.dir : (text ?? null);
}

function aimOf(flags: TrainFlags): TrainOrder['aim'] {
  const said = flags.dtype !== undefined || flags['upload-b16'] !== undefined;
  return {
    repo: flags['hf-repo-id'] ?? null,
    threshold: flags['avg-loss-upload-threshold'] ?? null,
    when: flags['publish-when'] ?? null,
    dtype: said ? publishedDtype(flags) : null,
    useHotkeyInHash: flags['use-hotkey-in-hash'] ?? null,
    makePublic: flags['update-repo-visibility'] ?? null,
    fields: flags.field ?? null,
  };
}
