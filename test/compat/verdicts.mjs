// What `pt check` says of each folder of test/compat/oracle.py: `verdicts.mjs OUT PROFILE` prints {folder, verdict, rules} a line. Runs what is built.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadConstants } from '../../dist/constants.js';
import { inspectFolder } from '../../dist/model/index.js';
import { checkModel, describeReasons, verdictOf } from '../../dist/rules/index.js';

const [out, name] = process.argv.slice(2);
const profile = loadConstants().profiles[name];
/** One that every size and class passes: what is left is what the release makes of the config. */
const competition = {
  id: 0,
  name: 'ANY',
  min_model_parameters: 0,
  max_model_parameters: Number.MAX_SAFE_INTEGER,
  max_bytes: Number.MAX_SAFE_INTEGER,
  sequence_length: 256,
  allowed_architectures: null,
  tokenizer: 'any',
  from_pretrained_kwargs: {},
};
const tokenizer = { vocab_size: 128, eos_token_id: 0 };

for (const kind of readdirSync(out, { withFileTypes: true }).filter((each) => each.isDirectory()))
  for (const folder of readdirSync(join(out, kind.name)).sort()) {
    const facts = await inspectFolder(join(out, kind.name, folder), profile);
    const findings = checkModel(facts, competition, profile, tokenizer);
    const rules = describeReasons(findings);
    console.log(JSON.stringify({ folder: `${kind.name}/${folder}`, verdict: verdictOf(findings), rules }));
  }
