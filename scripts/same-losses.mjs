// Trains a few dozen steps with the trainer of another commit and with the one that lies here, and compares every line of
// metrics.jsonl and the saved weights: npm run same-losses -- COMMIT [--steps N]
// What is compared is what `train.py --config run.json` writes, so the rooms inside may be moved at will. Exit code 3: they differ.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const python = process.env.PT_PYTHON;
const RECIPE = {
  architecture: {
    model_type: 'llama',
    vocab_size: 4096,
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    max_position_embeddings: 128,
    tie_word_embeddings: true,
  },
  tokenizer: 'builtin',
  sequence_length: 64,
  batch_size: 2,
  accumulation_steps: 2,
  schedule: { name: 'wsd', warmup_steps: 4, decay_fraction: 0.3 },
  eval_every_steps: 5,
  eval_sequences: 16,
  checkpoint_every_steps: 6,
};
const ADAMW = { name: 'adamw', lr: 0.003, weight_decay: 0.1 };
const MUON = { name: 'muon', lr: 0.003, muon_lr: 0.02, embedding_lr: 0.01, weight_decay: 0.01 };
const QWEN = {
  ...RECIPE.architecture,
  model_type: 'qwen2',
  num_key_value_heads: 1,
  tie_word_embeddings: false,
};
const NEOX = { ...RECIPE.architecture, model_type: 'gpt_neox' };
const OWN_RECIPE = `import torch


def data(recipe):
    return (f"Line {i}: {i * i} is the square of {i}, and {i * i * i} its cube." for i in range(2000))


def optimizer(model, recipe):
    return torch.optim.Adam(model.parameters(), lr=2e-3)
`;

/** What is trained: each on both sides, with each number of processes. `after` starts from that run's best model. */
const RUNS = [
  { name: 'muon', processes: [1, 2], recipe: { optimizer: MUON, z_loss: 1e-4 } },
  {
    name: 'adamw, documents masked, layers recomputed',
    processes: [1, 2],
    recipe: {
      architecture: QWEN,
      optimizer: ADAMW,
      schedule: { name: 'cosine', warmup_steps: 3, final: 0.1 },
      document_masking: true,
      activation_checkpointing: 'full',
    },
  },
  {
    name: 'little memory: bf16 weights, 8-bit moments',
    processes: [1, 2],
    recipe: {
      optimizer: { ...MUON, state_dtype: 'int8' },
      param_dtype: 'bf16',
      batch_ramp: [
        [0, 0.5],
        [8, 1],
      ],
    },
  },
  {
    name: 'fine-tuning, stopped half-way and resumed',
    processes: [1, 2],
    after: 'muon',
    resumed: true,
    recipe: { optimizer: ADAMW, finetune: { lr_factor: 0.3, warmup_steps: 3 } },
  },
  {
    name: 'gpt_neox with dropout',
    processes: [1],
    recipe: { architecture: NEOX, optimizer: ADAMW, dropout: true },
  },
  { name: 'a recipe in Python', processes: [1], recipe: {}, own: true },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { steps: { type: 'string', default: '24' } },
});
const steps = Number(values.steps);
if (positionals.length !== 1 || !Number.isInteger(steps) || steps < 2) {
  stop(2, 'Name the commit to compare with: npm run same-losses -- COMMIT [--steps N], with N at least 2.');
}
if (!python) stop(2, '`npm run same-losses` starts this, and names the Python environment in PT_PYTHON.');
const commit = git('rev-parse', '--verify', '--quiet', `${positionals[0]}^{commit}`).trim();
if (commit === '')
  stop(2, `There is no commit ${positionals[0]} here. git log --oneline shows those there are.`);

const place = mkdtempSync(join(tmpdir(), 'pt-same-losses-'));
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(place, { recursive: true, force: true });
});
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(130));

const there = { name: commit.slice(0, 12), code: join(place, 'code'), runs: join(place, 'there') };
const here = { name: 'here', code: root, runs: join(place, 'here') };
checkOut(there.code);
let different = 0;
for (const run of RUNS) {
  for (const processes of run.processes) {
    await Promise.all([there, here].map((side) => train(side, run, processes)));
    const [theirs, ours] = [there, here].map((side) => outcome(folderOf(side, run.name, processes)));
    const difference = firstDifference(theirs, ours);
    if (difference) different += 1;
    console.log(
      `${difference ? '✗' : '✓'} ${run.name}, ${processes} process${processes > 1 ? 'es' : ''}: ${difference ?? `${ours.lines.length} lines and the best model are the same`}`,
    );
  }
}
if (different > 0) {
  console.error(`${different} of the runs differ from ${there.name}.`);
  process.exitCode = 3;
}

/** The files of the commit, without touching this clone's index or list of worktrees. */
function checkOut(folder) {
  mkdirSync(folder);
  const archive = join(place, 'code.tar');
  git('archive', '--format=tar', `--output=${archive}`, commit, 'python', 'constants');
  const { status, stderr } = spawnSync('tar', ['-xf', archive, '-C', folder], { encoding: 'utf8' });
  if (status !== 0) stop(1, `The files of ${commit} could not be unpacked: ${stderr}`);
}

function folderOf(side, name, processes) {
  return join(side.runs, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${processes}`);
}

async function train(side, run, processes) {
  const folder = folderOf(side, run.name, processes);
  mkdirSync(folder, { recursive: true });
  if (run.own) writeFileSync(join(folder, 'own.py'), OWN_RECIPE);
  const request = {
    version: 1,
    run_dir: folder,
    source: run.after
      ? { kind: 'model_dir', path: join(folderOf(side, run.after, processes), 'best'), config: null }
      : { kind: 'recipe', path: null, config: null },
    recipe: { ...RECIPE, name: 'same', ...run.recipe },
    recipe_file: run.own ? join(folder, 'own.py') : null,
    data: [{ name: 'builtin', weight: 1 }],
    device: 'cpu',
    offline: true,
    seed: 7,
    epochs: -1,
    max_steps: steps,
  };
  if (run.resumed) await trainer(side, { ...request, max_steps: Math.ceil(steps / 2) }, processes);
  await trainer(side, { ...request, resume: run.resumed ?? false }, processes);
}

/** The processes of one training, with the environment that torchrun gives. */
async function trainer(side, request, processes) {
  const file = join(request.run_dir, 'run.json');
  writeFileSync(file, JSON.stringify(request));
  const env = { ...process.env, PT_HOME: side.runs, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const world =
    processes === 1
      ? {}
      : { WORLD_SIZE: `${processes}`, MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${await freePort()}` };
  const codes = await Promise.all(
    Array.from({ length: processes }, (_, rank) => {
      const ranked = processes === 1 ? {} : { RANK: `${rank}`, LOCAL_RANK: `${rank}` };
      return ended(
        spawn(python, [join(side.code, 'python', 'train.py'), '--config', file], {
          env: { ...env, ...world, ...ranked },
          stdio: ['ignore', 'ignore', 'pipe'],
        }),
      );
    }),
  );
  const failed = codes.find(({ code }) => code !== 0);
  if (failed)
    stop(1, `The trainer of ${side.name} ended with ${failed.code} in ${request.run_dir}:\n${failed.output}`);
}

function ended(child) {
  children.add(child);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output = (output + text).slice(-4000);
  });
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code: code ?? signal, output })),
  );
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function outcome(folder) {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const weights = join(folder, 'best', 'model.safetensors');
  return {
    lines,
    weights: existsSync(weights) ? createHash('sha256').update(readFileSync(weights)).digest('hex') : 'none',
  };
}

/** Every number that was written there has to be written here; JSON keeps all digits of a double, so === compares them all. */
function firstDifference(theirs, ours) {
  for (const [i, line] of theirs.lines.entries()) {
    const mine = ours.lines[i];
    if (mine === undefined) return `step ${line.step} is missing here`;
    const key = Object.keys(line).find((name) => line[name] !== mine[name]);
    if (key) return `step ${line.step}: ${key} was ${line[key]} there and is ${mine[key]} here`;
  }
  if (ours.lines.length > theirs.lines.length)
    return `step ${ours.lines[theirs.lines.length].step} is missing there`;
  return theirs.weights === ours.weights
    ? undefined
    : 'all losses are the same, and the weights of the best model are not';
}

function git(...args) {
  return spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout ?? '';
}

function stop(code, message) {
  console.error(message);
  process.exit(code);
}
