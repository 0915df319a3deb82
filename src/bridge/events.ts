import { z } from 'zod';

/**
 * Every event that Python writes to `events.jsonl` (docs/run-folder.md), field by field. `schemas/run-folder/events.json` holds the same,
 * and test/python/test_events_contract.py holds Python to it.
 */

const text = z.string();
const count = z.int().nonnegative();
/** Null: NaN or infinite, which JSON has not, or nothing to say. */
const value = z.number().nullable();

const event = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.strictObject({ type: z.literal(type), time: z.number().describe('Seconds since the epoch'), ...fields });

/** What was read of one `--data`. */
export const dataRead = z.strictObject({
  path: text,
  column: text.nullable().describe('That the text was in; null: plain text'),
  documents: count,
  characters: count,
  skipped: count.describe('Bad rows left out'),
  complete: z
    .boolean()
    .describe('Read to its end before the first step; false: counted as far as the training came'),
  unread: z.array(text).describe('What lies there and was not read, with the reason'),
});
export type DataRead = z.infer<typeof dataRead>;

export const EVENTS = {
  start: event('start', {
    pid: count,
    world_size: count,
    device: text,
    device_name: text,
    dtype: text,
    attention: text,
    document_masking: z
      .enum(['blocks', 'dense'])
      .nullable()
      .describe(
        'How attention is kept within documents: block mask (flex attention) or dense mask; null: it is not',
      ),
    compile: z.boolean().describe('Asked for; what became of it is in `compiled`'),
    parameters: count,
    trained: count.describe('Parameters that are not frozen'),
    architecture: text,
    tokenizer: text.describe('Name or folder, and whose it is'),
    flops_per_token: z.number().describe('Arithmetic of training on one token: what MFU counts'),
    peak_lr: z
      .number()
      .describe(
        'As people ask for it: of the matrices; with `lr: "auto"` the recipe’s, until the probes have found one',
      ),
    tokens_per_step: count,
    micro_batch: count.describe('Sequences that a device takes at once'),
    estimated_bytes: count.nullable().describe('Memory on each device; null: it plainly fits'),
    total_steps: count.nullable().describe('Null: open, or ended by the clock alone'),
    end: text.describe('What ends the run, in words'),
    course: text
      .nullable()
      .describe('Steps of warm-up, full rate and decay, in words; null: no end is known'),
    unigram_entropy: value.describe('Nats, of the held-out text'),
    resumed_from: count.nullable().describe('Step; null: from the beginning'),
    versions: z.record(text, text),
  }),
  data: event('data', {
    sources: z.array(dataRead),
    held_out: z.strictObject({
      wanted: count.describe('Tokens'),
      tokens: count,
      sequences: count,
      parts: count.describe('Row groups, or ranges of files, that they come from'),
      resolution: value.describe(
        'Two standard errors of the mean loss of a model that knows only frequencies, as a part of it',
      ),
      epsilon: z
        .number()
        .nullable()
        .describe('What a win needs, as a part of the loss; null: no rule is known'),
      needed: count
        .nullable()
        .describe('Tokens whose choice moves a loss by no more than epsilon; null: not known'),
    }),
  }),
  compiled: event('compiled', {
    frames: count.describe(
      'Graphs that were compiled for the layers by the end of the first step; 0: none runs compiled',
    ),
    layers: count,
  }),
  phase: event('phase', { name: text, detail: text }),
  step: event('step', {
    step: count,
    total_steps: count.nullable(),
    tokens: count,
    loss: value,
    lr: value,
    grad_norm: value,
    tokens_per_second: value,
    mfu: value.describe('Null off GPU'),
    kl: value.describe('Divergence from the teacher, nats; null: there is none'),
    memory_bytes: count,
    eta_seconds: value,
  }),
  eval: event('eval', {
    step: count,
    tokens: count,
    eval_loss: value,
    averaged_loss: value.describe('Of the averaged weights; null: the run has an end, and keeps none'),
    best: z.boolean(),
  }),
  samples: event('samples', {
    step: count,
    texts: z
      .array(z.strictObject({ prompt: text, text: text.describe('What the model writes after it') }))
      .describe('From held-out text; the likeliest token each time'),
  }),
  duel: event('duel', {
    step: count,
    tokens: count,
    weights: z.enum(['raw', 'averaged']),
    sequences: count,
    mean: value.describe(
      'Of king − challenger as the rule counts them, nats a token (a head start is in it)',
    ),
    sd: value.describe('Its standard deviation, a sequence'),
    skew: value.describe('Its third standardized moment'),
    excess: value.describe('Its fourth, less the 3 of a normal distribution'),
    won: count,
    lost: count,
    part: value.describe('Of the run, that is done; null: it has no end'),
    fall_ahead: z.boolean().describe('The learning rate has yet to begin its fall'),
    seconds: z.number(),
  }),
  probe: event('probe', {
    lr: z.number(),
    steps: count,
    eval_loss: value.describe('Held-out, after so many steps at that peak rate; null: not finite'),
  }),
  experts: event('experts', {
    step: count,
    busiest: z
      .array(z.number())
      .describe('By layer: tokens of the busiest expert, as a multiple of an even share'),
    unused: z.array(count).describe('By layer: experts that no token came to'),
  }),
  checkpoint: event('checkpoint', { step: count, path: text }),
  best: event('best', {
    step: count,
    eval_loss: z.number(),
    weights: z.enum(['raw', 'averaged']),
    path: text,
  }),
  heartbeat: event('heartbeat', {}),
  score: event('score', { model: text, batch: count, batches: count, loss: value }),
  warning: event('warning', {
    code: text,
    message: text,
    skipped: count.optional(),
    rollbacks: count.optional(),
  }),
  error: event('error', { code: text, message: text, next_steps: z.array(text), traceback: text }),
  result: z.looseObject({ type: z.literal('result'), time: z.number() }).describe("A script's own result"),
  done: event('done', {
    reason: z.enum(['finished', 'tokens', 'max_steps', 'max_minutes', 'cancelled']),
    steps: count.optional(),
    tokens: count.optional(),
    best_loss: value.optional(),
    seconds: z.number().optional(),
    skipped: count.optional(),
    rollbacks: count.optional(),
  }),
} as const;

export type EventType = keyof typeof EVENTS;

/** One event as it was read: each field that is there is what the schema says; one of another version may lack some. */
export type EventOf<Type extends EventType> = { type: Type; time?: number } & Partial<
  Omit<z.infer<(typeof EVENTS)[Type]>, 'type' | 'time'>
>;
export type TrainerEvent = { [Type in EventType]: EventOf<Type> }[EventType];

/** The event in a line of `events.jsonl`; null for a half-written line, noise, and types that are not known. Fields that are not as the schema says are left out. */
export function readEvent(line: string): TrainerEvent | null {
  const raw = parse(line);
  if (raw === null || typeof raw.type !== 'string' || !Object.hasOwn(EVENTS, raw.type)) return null;
  const schema = EVENTS[raw.type as EventType];
  const whole = schema.safeParse(raw);
  if (whole.success) return whole.data;
  const known = Object.entries(schema.shape as z.core.$ZodShape).flatMap(([name, field]) => {
    const parsed = z.safeParse(field, raw[name]);
    return parsed.success && parsed.data !== undefined ? [[name, parsed.data]] : [];
  });
  return Object.fromEntries(known) as TrainerEvent;
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** `schemas/run-folder/events.json`. */
export const eventSchema = (): object => ({
  title: 'A line of events.jsonl',
  ...z.toJSONSchema(z.discriminatedUnion('type', Object.values(EVENTS) as [typeof EVENTS.phase])),
});
