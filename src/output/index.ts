import { z } from 'zod';
import { checkSchema } from './check.ts';
import { cleanSchema } from './clean.ts';
import { competitionsSchema } from './competitions.ts';
import { errorSchema } from './error.ts';
import { costSchema, evaluateSchema } from './evaluate.ts';
import { detachedSchema, jobSchema, logLineSchema, logsSchema } from './jobs.ts';
import { loadSchema } from './load.ts';
import { mergeSchema } from './merge.ts';
import { profilesSchema, profilesShowSchema } from './profiles.ts';
import { dashboardSchema, labelsSchema, removedSchema, reportSchema, runsSchema } from './runs.ts';
import {
  sandboxEnvSchema,
  sandboxResetSchema,
  sandboxSchema,
  sandboxStopSchema,
  throneSchema,
} from './sandbox.ts';
import { statusSchema } from './status.ts';
import { completionSchema, configShowSchema, doctorSchema, setupSchema, useSchema } from './tool.ts';
import { trainSchema } from './train.ts';
import { uploadPlanSchema, uploadSchema } from './upload.ts';
import { walletListSchema, walletShowSchema } from './wallet.ts';

export { errorSchema } from './error.ts';

/**
 * All that `--json` prints, by command, complete: what a schema does not list is not printed. `schemas/` holds the same as JSON Schema
 * (`npm run generate`). A later version may print more; nothing of this may vanish or change its meaning.
 */
export const SCHEMAS = {
  train: z
    .union([trainSchema, detachedSchema, competitionsSchema])
    .describe('Where the run goes on with --detach, the competitions with --list-competitions'),
  upload: z
    .union([uploadSchema, uploadPlanSchema, competitionsSchema])
    .describe('The plan with --dry-run, the competitions with --list-competitions'),
  'load-best': loadSchema,
  load: loadSchema,
  check: checkSchema,
  evaluate: z.union([evaluateSchema, costSchema]).describe('What it would take with --plan'),
  merge: mergeSchema,
  status: statusSchema.describe('With --watch one object a line, at every block'),
  competitions: competitionsSchema,
  profiles: profilesSchema,
  'profiles:show': profilesShowSchema,
  runs: runsSchema,
  'runs:rm': removedSchema,
  'runs:prune': removedSchema,
  'runs:tag': labelsSchema,
  'runs:note': labelsSchema,
  logs: z
    .union([logsSchema, logLineSchema])
    .describe('With --follow one object a line for each happening, and the run at its end'),
  attach: jobSchema,
  stop: jobSchema,
  report: reportSchema,
  dashboard: dashboardSchema,
  clean: cleanSchema,
  setup: setupSchema,
  doctor: doctorSchema,
  'config:show': configShowSchema,
  use: useSchema,
  'wallet:list': walletListSchema,
  'wallet:show': walletShowSchema,
  'sandbox:start': sandboxSchema,
  'sandbox:status': sandboxSchema,
  'sandbox:stop': sandboxStopSchema,
  'sandbox:env': sandboxEnvSchema,
  'sandbox:reset': sandboxResetSchema,
  'sandbox:judge': throneSchema,
  completion: completionSchema,
} as const;

/** What a command's `run()` returns. */
export type Printed<Id extends keyof typeof SCHEMAS = keyof typeof SCHEMAS> = z.output<(typeof SCHEMAS)[Id]>;

/** File name in `schemas/` and JSON Schema of each. */
export function jsonSchemas(): Map<string, object> {
  const all = Object.entries({ ...SCHEMAS, error: errorSchema });
  return new Map(
    all.map(([name, schema]) => [
      `${name.replaceAll(':', '-')}.json`,
      { title: `pt ${name.replaceAll(':', ' ')} --json`, ...z.toJSONSchema(schema) },
    ]),
  );
}
