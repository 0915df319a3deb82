import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSizes } from '../../src/load/index.ts';
import { finish, type Progress } from '../../src/progress.ts';
import { publish } from '../../src/publish/index.ts';
import { subnetPage } from '../../src/report/subnet-page.ts';
import { runPt } from '../commands/run-pt.ts';
import { type Rig, startRig } from '../publish/support.ts';
import { subnetFacts } from './subnet-facts.ts';

const assets = { script: 'void 0', style: '' };

test('text of strangers stays text, and a loss belongs to a commitment, not to a uid', () => {
  const page = subnetPage(subnetFacts('<img src=x onerror=alert(1)>\u202e"\'</script>'), assets);
  expect(page).not.toMatch(/<img|\u202e/);
  expect(page.match(/<script/g)).toHaveLength(2);
  expect(page.match(/<tr>/g)).toHaveLength(257 + 3);
  expect(page).toContain('2.4123');
  expect(page).not.toContain('1.1111');
  expect(page).toContain('not public');
});

test('a subnet without neurons, and one without a model, have a page', () => {
  const facts = subnetFacts();
  const none = { ...facts, status: { ...facts.status, neurons: [], bestUid: null, hotkey: null } };
  expect(subnetPage(none, assets)).toContain('nobody has a readable model');
  const empty = facts.status.neurons.filter(({ repo }) => repo === null);
  expect(subnetPage({ ...none, status: { ...none.status, neurons: empty } }, assets)).not.toContain('NaN');
});

describe('with a real chain and Hub', () => {
  let rig: Rig & { dir: string };
  beforeAll(async () => {
    rig = await startRig();
    await finish(publish(rig.request(), rig.place));
  });
  afterAll(() => rig?.close());

  test('pt status --html shows the published model with its size', async () => {
    const file = join(rig.home, 'pages', 'subnet.html');
    const { code, stderr, json } = await runPt(['status', '--network', 'sandbox', '--html', file, '--json'], {
      env: { PT_HOME: rig.home, HOME: rig.home },
    });
    expect(code, stderr).toBe(0);
    expect(json()).toMatchObject({ html: file, netuid: 9 });
    const page = await readFile(file, 'utf8');
    expect(page).toContain('Subnet 9 of sandbox');
    expect(page).toMatch(/>me\/first<\/a>/);
    expect(page).toMatch(/data-sort="\d{5,}">\d+ kB</);
  });

  test('sizes: every repository once; private and missing ones are null; a Hub that fails is told once', async () => {
    const [miner] = (await rig.chain.commitments(9)).values();
    const [, commit] = /:([0-9a-f]{40}):/.exec(miner!.text!) ?? [null, '0'.repeat(40)];
    const models = [
      { repo: 'me/first', commit: commit! },
      { repo: 'me/first', commit: commit! },
      { repo: 'no/body', commit: 'f'.repeat(40) },
      { repo: null, commit: null },
    ];
    const sizes = await finish(readSizes(models, rig.hub));
    expect(sizes.size).toBe(2);
    expect(sizes.get('no/body@'.concat('f'.repeat(40)))).toBeNull();
    await rig.sandbox.hub.close();
    const said: Progress[] = [];
    const none = await finish(
      readSizes([...models, { repo: 'a/b', commit: 'e'.repeat(40) }], rig.hub),
      (event) => said.push(event),
    );
    expect(none.size).toBe(0);
    expect(said.filter(({ kind }) => kind === 'note')).toHaveLength(1);
  });
});
