import { resolve } from 'node:path';
import { loadAssets } from './assets.ts';
import { type SubnetFacts, subnetPage } from './subnet-page.ts';
import { writePage } from './write-report.ts';

/** Writes the page of a subnet; gives its absolute path. Throws `UserError` `disk.*` when it cannot be written. */
export async function writeSubnetPage(facts: SubnetFacts, out: string): Promise<string> {
  const file = resolve(out);
  await writePage(file, subnetPage(facts, await loadAssets()));
  return file;
}
