/** What `pt` says of itself and of this machine. */
import { z } from 'zod';
import type { Check } from '../doctor/types.ts';
import type { SettingRow } from '../settings/types.ts';
import { exactly } from './exactly.ts';
import { text } from './parts.ts';

export const setupSchema = z.strictObject({
  python: text.describe('The interpreter'),
  version: text,
  source: text.describe('`managed`: an environment of its own'),
});

export const doctorSchema = z.strictObject({
  ok: z.boolean().describe('Nothing failed'),
  checks: z.array(
    exactly<Check>()(
      z.strictObject({
        name: text,
        status: z.enum(['ok', 'warning', 'failure', 'skipped']),
        message: text,
        nextSteps: z.array(text).describe('What fixes it'),
      }),
    ),
  ),
});

export const configShowSchema = z.strictObject({
  settings: z.array(
    exactly<SettingRow>()(
      z.strictObject({
        key: text,
        value: z
          .union([text, z.number(), z.boolean()])
          .nullable()
          .describe('Null: not set; secrets read ***'),
        origin: text,
        env: z.array(text).describe('Variables that set it'),
        summary: text,
      }),
    ),
  ),
});

export const completionSchema = z.strictObject({
  shell: text,
  script: text,
  file: text.nullable().describe('What --install or --uninstall is about; null: the script was printed'),
});

const chosen = z.strictObject({ value: text, origin: text });

export const useSchema = z.strictObject({
  network: chosen,
  profile: chosen,
  file: text.nullable().describe('What was written; null: nothing'),
});
