import { basename, resolve } from 'node:path';
import { writeWhole } from '../host/write-file.ts';
import { loadAssets } from './assets.ts';
import { html } from './html.ts';
import type { KeptMerge } from './merge-file.ts';
import { pageOf } from './page.ts';
import { candidates } from './sections/merges.ts';
import { moment, section } from './sections/parts.ts';

/**
 * Writes the page of a folder that `pt merge` wrote to `out`; null: beside the folder, which holds a model and nothing else. Gives its
 * absolute path and size. Throws `UserError` `disk.*` when it cannot be written.
 */
export async function writeMergeReport(
  dir: string,
  merge: KeptMerge,
  out: string | null,
): Promise<{ file: string; bytes: number }> {
  const title = basename(resolve(dir));
  const body = html`<main>
<header>
<p class="over">pt · mixture</p>
<h1>${title}</h1>
<p class="when">Made ${moment(merge.madeAt)}</p>
</header>
${section('merges', 'Candidates', candidates(merge))}
</main>
<footer><p>Made by <code>pt</code>, ${moment(Date.now())}. One file, no connection: it can be sent and kept as it is.</p></footer>`;
  const page = pageOf({ title, body, data: { kind: 'merge' } }, await loadAssets());
  const file = out === null ? `${resolve(dir)}.report.html` : resolve(out);
  await writeWhole(file, page, { mode: 0o666 });
  return { file, bytes: Buffer.byteLength(page) };
}
