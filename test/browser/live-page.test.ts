import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDashboard } from '../../src/report/dashboard.ts';
import { root } from '../commands/run-pt.ts';
import { makeRun, metricLine } from '../report/make-run.ts';
import { barriers, browserPath, look, openBrowser } from './browser.ts';

/** Script and style as they were built. */
const assets = async () => ({
  script: await readFile(join(root, 'dist/report/client.js'), 'utf8'),
  style: await readFile(join(root, 'dist/report/client.css'), 'utf8'),
});

const OPTIONS = { flag: '--port', anyPort: 'pt dashboard --port 0', farewell: 'It has ended.', assets };

describe.skipIf(browserPath === null)('the live page, in a browser', () => {
  let dir: string;
  let browser: Browser;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pt-live-'));
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(dir, { recursive: true, force: true });
  });

  test('shows new points and numbers as they come, keeps what was opened and zoomed, and says when it ends', async () => {
    const run = await makeRun(join(dir, 'run'), { steps: 40, evalEvery: 50, state: 'running' });
    const dashboard = await openDashboard(0, OPTIONS);
    dashboard.show([run]);
    const { page, complaints, requests, close } = await look(browser, dashboard.url, { bypassCSP: true });
    await page.locator('#link[data-state=live]').waitFor();
    expect(await page.locator('#range').textContent()).toBe('steps 1–40');
    expect(await page.locator('#chart-loss .entry.eval b').textContent()).toBe('–');
    await page.locator('#settings summary').click();

    await appendFile(
      join(run, 'metrics.jsonl'),
      Array.from({ length: 20 }, (_, i) => metricLine(41 + i)).join(''),
    );
    // As the trainer does: which model is best stands in best.json alone.
    await writeFile(join(run, 'best.json'), '{"step": 60, "tokens": 61440, "eval_loss": 3.25}');
    await appendFile(join(run, 'metrics.jsonl'), '{"step": 60, "tokens": 61440, "eval_loss": 3.25}\n');
    await page.locator('#tiles', { hasText: '3.2500' }).waitFor();
    expect(await page.locator('#range').textContent()).toBe('steps 1–60');
    expect(await page.locator('#chart-loss .entry.eval b').textContent()).toBe('3.2500');
    expect(await page.locator('#announce').textContent()).toBe('Step 60: held-out loss 3.2500.');
    expect(await page.title()).toMatch(/^step 60 · 3\.2500/);
    expect(await page.locator('#settings details').getAttribute('open')).not.toBeNull();

    // Nearer to the beginning: new steps at the end do not move it.
    await page.locator('#chart-loss .plot').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('+');
    const before = await page.locator('#range').textContent();
    await appendFile(join(run, 'metrics.jsonl'), metricLine(61));
    await page.locator('#tiles', { hasText: '61' }).waitFor();
    expect(await page.locator('#range').textContent()).toBe(before);
    expect(await barriers(page)).toEqual([]);

    const state = JSON.parse(await readFile(join(run, 'state.json'), 'utf8'));
    await writeFile(join(run, 'state.json'), JSON.stringify({ ...state, state: 'done' }));
    await dashboard.close();
    await page.locator('#link[data-state=ended]').waitFor();
    expect(await page.locator('.state').textContent()).toBe('Finished');
    expect(complaints).toEqual([]);
    expect(requests).toEqual([`${dashboard.url}events`]);
    await close();
  });

  test('a page of another site can neither read it nor show it inside itself', async () => {
    const run = await makeRun(join(dir, 'guarded'), { steps: 5, state: 'running' });
    const dashboard = await openDashboard(0, OPTIONS);
    dashboard.show([run]);
    const other = join(dir, 'other.html');
    await writeFile(other, `<!doctype html><title>other</title><iframe src="${dashboard.url}"></iframe>`);
    const { page, close } = await look(browser, `file://${other}`);
    const tried = await page.evaluate(`fetch('${dashboard.url}').then(() => 'read', () => 'refused')`);
    expect(tried).toBe('refused');
    expect(await page.frames()[1]!.content()).not.toContain('training run');
    await close();
    await dashboard.close();
  });
});
