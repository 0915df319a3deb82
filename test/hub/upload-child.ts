import { createHash } from 'node:crypto';
import { createHub, type UploadFile } from '../../src/hub/index.ts';
import { finish } from '../../src/progress.ts';
import { Secret } from '../../src/secret.ts';

// A process of its own that uploads known content, to be killed. argv: endpoint, number of objects, bytes of each.
const [endpoint, count, size] = process.argv.slice(2);
const files = Array.from({ length: Number(count) }, (_, index): UploadFile => {
  const bytes = Buffer.alloc(Number(size), index + 1);
  return {
    path: `model-${index}.safetensors`,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    async *open(start = 0, end = bytes.length) {
      for (let at = start; at < end; at += 65_536) yield bytes.subarray(at, Math.min(end, at + 65_536));
    },
  };
});
const hub = createHub({
  endpoint: endpoint!,
  token: new Secret(process.env.HF_ACCESS_TOKEN!),
  loopbackOnly: true,
});
const result = await finish(hub.upload({ repo: 'alice/killed', files, message: 'Publish' }));
process.stdout.write(JSON.stringify(result));
