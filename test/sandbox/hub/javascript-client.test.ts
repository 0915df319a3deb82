import {
  createRepo,
  deleteRepo,
  downloadFile,
  fileDownloadInfo,
  listCommits,
  listFiles,
  modelInfo,
  pathsInfo,
  uploadFiles,
  whoAmI,
} from '@huggingface/hub';
import { expect, it } from 'vitest';
import { random, sandbox, WRITE_TOKEN } from '../../hub/support.ts';

it('@huggingface/hub uploads, lists and downloads', async () => {
  const server = await sandbox({ multipart: { threshold: 1_000_000, partSize: 400_000 }, pageSize: 2 });
  const params = { hubUrl: server.url, accessToken: WRITE_TOKEN as `hf_${string}`, repo: 'alice/js' };
  expect((await whoAmI(params)).name).toBe('alice');
  await createRepo({ ...params, visibility: 'private' });
  const large = random(1_500_000);
  const small = random(50_000);
  await uploadFiles({
    ...params,
    commitTitle: 'Add the model',
    useXet: false,
    files: [
      { path: 'model.safetensors', content: new Blob([Uint8Array.from(large)]) },
      { path: 'other.safetensors', content: new Blob([Uint8Array.from(small)]) },
      { path: 'config.json', content: new Blob(['{}']) },
    ],
  });
  const files = [];
  for await (const file of listFiles({ ...params, recursive: true })) files.push(file.path);
  expect(files).toEqual(['.gitattributes', 'config.json', 'model.safetensors', 'other.safetensors']);
  expect((await modelInfo({ ...params, name: 'alice/js' })).private).toBe(true);
  const download = await downloadFile({ ...params, path: 'model.safetensors', xet: false } as never);
  expect(large.equals(Buffer.from(await download!.arrayBuffer()))).toBe(true);
  expect((await fileDownloadInfo({ ...params, path: 'config.json' }))!.size).toBe(2);
  expect(await pathsInfo({ ...params, paths: ['config.json'] })).toMatchObject([
    { path: 'config.json', size: 2 },
  ]);
  const titles = [];
  for await (const commit of listCommits(params)) titles.push(commit.title);
  expect(titles).toEqual(['Add the model', 'initial commit']);
  await deleteRepo(params);
});
