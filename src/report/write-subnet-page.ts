import { resolve } from 'node:path';
import { writeWhole } from '../host/write-file.ts';
import { loadAssets } from './assets.ts';
import { type SubnetFacts, subnetPage } from './subnet-page.ts';

/** Writes the page of a subnet; gives its absolute path. Throws `UserError` `disk.*` when it cannot be written. */
export async function writeSubnetPage(facts: SubnetFacts, out: string): Promise<string> {
  const file = resolve(out);
  await writeWhole(file, subnetPage(facts, await loadAssets()), { mode: 0o666 });
  return file;
}
