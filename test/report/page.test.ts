import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MergeOutcome } from '../../src/merging/types.ts';
import { escapeHtml, html, jsonForHtml } from '../../src/report/html.ts';
import { keepMerge, readMergeOf, readMerges } from '../../src/report/merge-file.ts';
import { pageOf, runPage } from '../../src/report/page.ts';
import { openRunReader } from '../../src/report/run-report.ts';
import { makeRun } from './make-run.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pt-page-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const assets = { script: 'void 0', style: 'p{}' };
/** What strangers may have put into names, repositories and messages. */
const EVIL =
  '</script><img src=x onerror=alert(1)><!-- \u202Egnp.exe\u200b "\'&amp; hf_abcdefghijklmnop\u0007';

async function page(name: string): Promise<string> {
  return runPage([await openRunReader(join(dir, name)).read()], assets);
}

describe('text of strangers', () => {
  test('is text, in HTML and in the data block', () => {
    const shown = escapeHtml(EVIL);
    expect(shown).not.toMatch(/[<>"'\u202e\u200b]/);
    expect(shown).toContain('hf_***');
    expect(html`<p title="${EVIL}">${EVIL}</p>`.text).toBe(`<p title="${shown}">${shown}</p>`);
    expect(html`${[html`<b>${'<'}</b>`, null, false, 3]}`.text).toBe('<b>&lt;</b>3');
  });

  test('the data block means the same after escaping, and can end nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const { text: block } = jsonForHtml({ value, text, evil: EVIL });
        expect(block).not.toMatch(/[<>\u2028\u2029]/);
        expect(JSON.stringify(JSON.parse(block))).toBe(JSON.stringify({ value, text, evil: EVIL }));
      }),
      { numRuns: 40 },
    );
  });

  test('everywhere in a run stays text, and the page has one script and no place for another', async () => {
    await makeRun(join(dir, 'evil'), { steps: 30, evalEvery: 10, state: 'failed', text: EVIL });
    await writeFile(
      join(dir, 'evil', 'forecast.json'),
      JSON.stringify({
        madeAt: EVIL,
        network: EVIL,
        netuid: 9,
        evaluation: {
          models: [
            {
              name: EVIL,
              dir: EVIL,
              loss: 2,
              low: 1.9,
              high: 2.1,
              winRate: 0.5,
              block: 1,
              uid: null,
              reasonable: true,
              error: null,
            },
            {
              name: 'b',
              dir: EVIL,
              loss: null,
              low: null,
              high: null,
              winRate: 0,
              block: 1,
              uid: 3,
              reasonable: null,
              error: EVIL,
            },
          ],
          winner: EVIL,
          lossToBeat: 1.99,
          lossToBeatLater: 2.01,
          decayedAtBlock: 5,
          pWin: 0.3,
          pWinLater: 0.6,
          advice: 'wait',
          sentence: EVIL,
          matrix: [
            [null, 1],
            [0, null],
          ],
          block: 4,
          profile: EVIL,
          competition: EVIL,
          sample: { batches: 2, sequenceLength: 8, data: [EVIL] },
        },
      }),
    );
    const candidates = [{ name: EVIL, loss: 2, low: null, high: null }];
    const merge = { madeAt: EVIL, out: EVIL, best: EVIL, candidates, sample: null };
    await writeFile(join(dir, 'evil', 'merges.json'), JSON.stringify([merge]));
    const text = await page('evil');
    expect(text).not.toMatch(/<img|onerror=alert\(1\)>|\u202e|\u200b|hf_abcdefghij/);
    expect(text.match(/<script/g)).toHaveLength(2); // the data block and the script
    expect(text.match(/Chance to win now/g)!.length).toBeGreaterThan(0);
    expect(text).not.toMatch(/(src|href)="(?!data:image)/);
    expect(text).toContain("default-src 'none'");
  });

  test('a forecast of another form is no forecast', async () => {
    await makeRun(join(dir, 'odd'), { steps: 3 });
    await writeFile(join(dir, 'odd', 'forecast.json'), '{"evaluation": {"models": "<b>"}}');
    expect(await page('odd')).toContain('Not made yet');
  });
});

test('a rate that was searched is the one that is told, and the table of the search is there', async () => {
  const run = await makeRun(join(dir, 'rates'), { steps: 3 });
  const told = async () => /<dt>Peak learning rate<\/dt><dd>([^<]*)/.exec(await page('rates'))?.[1];
  expect(await told()).toBe('0.02');
  expect(await page('rates')).toContain('<section id="rates" aria-labelledby="rates-title" hidden>');
  const tried = [
    { lr: 0.006000000000000001, eval_loss: 2.5 },
    { lr: 0.2, eval_loss: null },
  ];
  await writeFile(
    join(run, 'rates.json'),
    JSON.stringify({ lr: 0.006000000000000001, steps: 12, start_loss: 3.25, tried }),
  );
  expect(await told()).toBe('0.006');
  const text = await page('rates');
  expect(text).toMatch(/0\.006<\/th><td class="n">2\.5000<\/td><td>taken<\/td>/);
  expect(text).toMatch(/0\.2<\/th><td class="n">not finite<\/td><td><\/td>/);
  expect(text).toContain('Each 12 steps from the same start, whose loss is 3.2500.');
});

test('what was merged is kept with the runs it is of and beside what was written, the newest first', async () => {
  const run = await makeRun(join(dir, 'merged-run'), { steps: 3 });
  const out = join(dir, 'mixture');
  const outcome = (best: string): MergeOutcome => ({
    ...{ out, best, runs: [run], sample: null },
    candidates: [{ name: best, weights: [1], score: null }],
  });
  for (let i = 0; i < 22; i += 1) expect(await keepMerge(outcome(`m${i}`))).toEqual([run]);
  expect((await readMerges(run)).map(({ best }) => best)).toEqual(
    Array.from({ length: 20 }, (_, i) => `m${21 - i}`),
  );
  expect(await readMergeOf(out)).toMatchObject({ best: 'm21', out });
  expect(await readMergeOf(run)).toBeNull();
  expect(await page('merged-run')).toContain('Best: m20.');
});

test('the policy allows exactly the script and the style that are in the page', () => {
  const text = pageOf({ title: 'x', body: html`<p></p>`, data: {} }, assets);
  // sha256 of "void 0" and "p{}", by `printf %s … | openssl dgst -sha256 -binary | base64`.
  expect(text).toContain("script-src 'sha256-yyjq/GGlTvm0YhdkNx72uPxcwaIXqWZBYZftmpA6pYU='");
  expect(text).toContain("style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='");
  expect(text).not.toContain('unsafe-inline');
  expect(text).not.toContain('connect-src');
});

describe('a run of any kind has a page', () => {
  test.each([
    ['no step yet', { steps: 0, state: 'running' as const }],
    ['one step', { steps: 1, evalEvery: 1 }],
    ['only losses that are not finite', { steps: 3, bad: [1, 2, 3], state: 'failed' as const }],
    ['no events of its steps', { steps: 50, eventEvery: 0 }],
  ])('%s', async (name, options) => {
    await makeRun(join(dir, name), options);
    const text = await page(name);
    expect(text).toContain(name); // its title
    expect(text).not.toContain('NaN');
    expect(text).not.toContain('undefined');
  });

  test('one that was killed in the middle of a line', async () => {
    await makeRun(join(dir, 'killed'), { steps: 20, state: 'running' });
    await writeFile(join(dir, 'killed', 'state.json'), '{"state":"running","pid":1999999999}');
    await appendFile(join(dir, 'killed', 'metrics.jsonl'), '{"step": 21, "tok');
    await appendFile(join(dir, 'killed', 'events.jsonl'), '{"type": "step", "st');
    const text = await page('killed');
    expect(text).toContain('class="state failed"');
    expect(text).toContain('pt train --resume');
    expect(text).toMatch(/<strong>20<\/strong>/);
  });

  test('a folder in which every file is broken', async () => {
    await makeRun(join(dir, 'broken'), { steps: 5 });
    for (const file of [
      'run.json',
      'state.json',
      'settings.json',
      'metrics.jsonl',
      'events.jsonl',
      'best.json',
    ])
      await writeFile(join(dir, 'broken', file), '[{"a":\0');
    expect(await page('broken')).toContain('<title>broken</title>');
  });

  test('a million steps make less than 2 MB', async () => {
    await makeRun(join(dir, 'long'), { steps: 1_000_000, evalEvery: 500, eventEvery: 20 });
    const text = await page('long');
    expect(Buffer.byteLength(text)).toBeLessThan(2_000_000);
    expect(text).toContain('1,000,000');
    expect(existsSync(join(dir, 'long', 'report.html'))).toBe(false);
  });
});

test('the committed rules of docs: events the page knows are those the trainer writes', async () => {
  const contract = await readFile('docs/run-folder.md', 'utf8');
  for (const type of ['start', 'phase', 'step', 'warning', 'error', 'done', 'heartbeat'])
    expect(contract).toContain(`| \`${type}\``);
});
