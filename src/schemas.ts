import { z } from 'zod';

/**
 * The shape of every object that `--json` prints, by command. `schemas/` holds the same as JSON Schema (`npm run generate`). All of
 * them may grow fields; none of these may vanish or change its meaning.
 */

const loose = z.looseObject;
const text = z.string();
const count = z.int().nonnegative();
const commit = z.string().regex(/^[0-9a-f]{40}$/);

const finding = loose({
  rule: text,
  ok: z.boolean().nullable().describe('Null: could not be looked at; the message says why'),
  actual: z.unknown(),
  limit: z.unknown(),
  message: text,
});

const wallet = loose({ path: text, name: text, hotkey: text, ss58: text });

const upload = loose({
  repo: text,
  commit,
  contentHash: text,
  commitment: text.describe('The string on chain'),
  block: count,
  hotkey: text.describe('SS58 address'),
  public: z.boolean(),
  bytesUploaded: count,
  resumed: z.boolean(),
});

/** `--dry-run` of the commands that write outside this machine. */
const uploadPlan = loose({
  dryRun: z.literal(true),
  repo: text,
  contentHash: text,
  commitment: text,
  hotkey: text,
  files: z.array(loose({ path: text, size: count, sha256: text })),
  deletes: z.array(text),
  steps: z.array(loose({ step: text, detail: text, bytes: count, done: z.boolean() })),
});

const loaded = loose({
  uid: count.nullable(),
  repo: text,
  commit,
  dir: text,
  contentHash: text,
  verified: z.boolean(),
});

const sandboxStatus = loose({
  running: z.boolean(),
  chain: text.nullable(),
  hub: text.nullable(),
  netuid: count.nullable(),
  block: count.nullable(),
  wallet: wallet.nullable(),
});

const hotkey = loose({
  wallet: text,
  hotkey: text,
  file: text,
  ss58: text.nullable(),
  encryption: z.enum(['none', 'nacl', 'ansible', 'fernet']),
  cryptoType: z.enum(['sr25519', 'ed25519']).nullable(),
});

const run = loose({
  id: text,
  dir: text,
  startedAt: text,
  state: z.enum(['running', 'done', 'cancelled', 'failed']),
  steps: count,
  bestLoss: z.number().nullable(),
  published: upload.nullable(),
});

export const SCHEMAS = {
  train: loose({
    runDir: text,
    bestDir: text.nullable(),
    bestLoss: z.number().nullable().describe('Held-out loss, nats a token'),
    steps: count,
    tokens: count,
    resumed: z.boolean(),
    published: upload.nullable(),
    report: text.nullable().optional().describe('The run as an HTML page; null: it could not be written'),
  }),
  upload: z.union([upload, uploadPlan]),
  'load-best': loaded,
  load: loaded,
  check: loose({
    accepted: z.boolean(),
    competition: text.nullable(),
    findings: z.array(finding),
    parameters: count.nullable(),
    bytes: count,
    architecture: text.nullable(),
    contentHash: text.nullable().optional(),
  }),
  evaluate: loose({
    models: z.array(loose({ name: text, loss: z.number().nullable(), winRate: z.number().nullable() })),
    winner: text.nullable(),
    lossToBeat: z.number().nullable(),
  }),
  status: loose({
    block: count,
    netuid: count,
    neurons: z.array(
      loose({
        uid: count,
        hotkey: text,
        incentive: z.number(),
        block: count.nullable(),
        commitment: text.nullable(),
        repo: text.nullable(),
        commit: text.nullable(),
        competition: z.union([text, count]).nullable(),
      }),
    ),
    limit: z.unknown(),
    html: text.optional().describe('The page that --html wrote'),
  }),
  competitions: loose({ block: count, competitions: z.array(loose({})) }),
  runs: loose({ runs: z.array(run) }),
  report: loose({ file: text }),
  setup: loose({ python: text, version: text, source: text }),
  doctor: loose({
    ok: z.boolean(),
    checks: z.array(
      loose({
        name: text,
        status: z.enum(['ok', 'warning', 'failure', 'skipped']),
        message: text,
        nextSteps: z.array(text),
      }),
    ),
  }),
  'config:show': loose({
    settings: z.array(
      loose({
        key: text,
        value: z.union([text, z.number(), z.boolean()]).nullable(),
        origin: text,
        env: z.array(text),
        summary: text,
      }),
    ),
  }),
  'wallet:list': loose({ path: text, hotkeys: z.array(hotkey) }),
  'wallet:show': loose({
    ...hotkey.shape,
    registered: z.boolean().nullable().describe('Null: not looked up'),
    uid: count.nullable(),
  }),
  'sandbox:start': sandboxStatus,
  'sandbox:status': sandboxStatus,
  'sandbox:stop': loose({ stopped: z.boolean() }),
  'sandbox:env': loose({ env: z.record(text, text) }),
  'sandbox:reset': loose({ reset: z.literal(true), wasRunning: z.boolean(), dir: text }),
  completion: loose({ shell: text, script: text }),
} as const;

/** What any command prints when it fails. */
export const ERROR_SCHEMA = loose({
  error: loose({
    code: text.describe('Stable and dotted, e.g. wallet.missing'),
    message: text,
    nextSteps: z.array(text),
    exitCode: z.union([1, 2, 3, 4, 5, 6, 7, 130].map((code) => z.literal(code))),
  }),
});

/** File name in `schemas/` and JSON Schema of each. */
export function jsonSchemas(): Map<string, object> {
  const all = Object.entries({ ...SCHEMAS, error: ERROR_SCHEMA });
  return new Map(
    all.map(([name, schema]) => [
      `${name.replaceAll(':', '-')}.json`,
      { title: `pt ${name.replaceAll(':', ' ')} --json`, ...z.toJSONSchema(schema) },
    ]),
  );
}
