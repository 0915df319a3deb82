import { loadConstants } from '../../dist/constants.js';
import { createHub } from '../../dist/hub/index.js';
import { planUpload } from '../../dist/model/index.js';
import { finish } from '../../dist/progress.js';
import { Secret } from '../../dist/secret.js';

// What `pt upload` does with the bytes: cast and hash in one pass, upload, confirm. argv: folder.
const [dir] = process.argv.slice(2);
const plan = await finish(planUpload(dir, { dtype: 'bf16', profile: loadConstants().profiles['3.2'] }));
const hub = createHub({ endpoint: process.env.HF_ENDPOINT, token: new Secret(process.env.HF_TOKEN) });
const { commit } = await finish(
  hub.upload({ repo: 'bench/ours', files: plan.files, message: 'Publish model' }),
);
const revision = await hub.revision('bench/ours', commit);
const held = new Map(revision.files.map((file) => [file.path, file.sha256]));
for (const file of plan.files)
  if (file.path.endsWith('.safetensors') && held.get(file.path) !== file.sha256)
    throw new Error(`${file.path} is not there`);
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
process.stdout.write(
  JSON.stringify({
    contentHash: plan.contentHash,
    cpu: (userCPUTime + systemCPUTime) / 1e6,
    rss: maxRSS * 1024,
  }),
);
