import { createHub } from '../../dist/hub/index.js';
import { finish } from '../../dist/progress.js';
import { Secret } from '../../dist/secret.js';

// Every byte is checked against the Hub's SHA-256 before its file gets its name. argv: repository, folder.
const [repo, dir] = process.argv.slice(2);
const hub = createHub({ endpoint: process.env.HF_ENDPOINT, token: new Secret(process.env.HF_TOKEN) });
const { commit, files } = await hub.revision(repo);
await finish(hub.download({ repo, revision: commit, files, dir }));
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
process.stdout.write(JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS * 1024 }));
