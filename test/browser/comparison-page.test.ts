import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { runPt } from '../commands/run-pt.ts';
import { lossAt, makeRun } from '../report/make-run.ts';
import { barriers, browserPath, lookAt, overflow } from './browser.ts';

const EVIL = '</script><img src=x onerror=alert(1)>';

describe.skipIf(browserPath === null)('the page of several runs, in a browser', () => {
  const look = lookAt(async (home) => {
    const runs = join(home, 'runs');
    await makeRun(join(runs, 'long'), { steps: 1200 });
    await makeRun(join(runs, 'short-one'), {
      steps: 300,
      evalEvery: 50,
      worse: 0.5,
      state: 'failed',
      text: EVIL,
    });
    await makeRun(join(runs, 'still-on'), { steps: 600, worse: 0.2, seed: 7, state: 'running' });
    const { code, stderr, json } = await runPt(['report', 'long', 'short', 'still-on', 'long', '--json'], {
      env: { PT_HOME: home },
    });
    expect(code, stderr).toBe(0);
    const printed = json();
    expect(printed).toMatchObject({
      file: join(runs, 'comparison.html'),
      run: 'long',
      state: 'done',
      accepted: null,
    });
    expect(printed.runs).toMatchObject([
      { run: 'long' },
      { run: 'short-one', state: 'failed' },
      { run: 'still-on', state: 'running' },
    ]);
    return String(printed.file);
  });

  test.each([
    { width: 1280, colorScheme: 'light' as const },
    { width: 375, colorScheme: 'dark' as const },
  ])(
    'at $width pixels, $colorScheme: draws, asks for nothing, fits, and is open to all',
    async ({ width, colorScheme }) => {
      const { page, complaints, requests, close } = await look({
        viewport: { width, height: 900 },
        colorScheme,
        bypassCSP: true,
      });
      expect(await page.locator('figure .plot > svg').count()).toBe(7);
      for (const details of await page.locator('details').all())
        await details.locator('summary').first().click();
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(await barriers(page)).toEqual([]);
      expect([requests, complaints]).toEqual([[], []]);
      await close();
    },
  );

  test('on paper: light, without what is pressed, and each line in dashes and marks of its own', async () => {
    const { page, close } = await look({ colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const ground = await page.evaluate(`getComputedStyle(document.querySelector('.chart')).backgroundColor`);
    expect(ground).toBe('rgb(255, 255, 255)');
    // A table is cut off nowhere: nobody scrolls on paper.
    await page.setViewportSize({ width: 760, height: 1000 });
    expect(await page.locator('#overview .scroll').evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(
      0,
    );
    // What a printer does first; each picture then lies in its card, and its letters keep their shape.
    await page.evaluate(`dispatchEvent(new Event('beforeprint'))`);
    const beyond = await page.locator('figure').evaluateAll((figures) =>
      figures.map((figure) => {
        const [card, svg] = [figure, figure.querySelector('.plot > svg')!].map((e) =>
          e.getBoundingClientRect(),
        );
        return [svg!.bottom > card!.bottom, svg!.right > card!.right, svg!.width / svg!.height < 1.5];
      }),
    );
    expect(beyond.flat()).not.toContain(true);
    for (const gone of ['.controls', '.zoom', '.tools'])
      expect(await page.locator(gone).first().isVisible()).toBe(false);
    const dashes = await page
      .locator('#chart-train .plot .line')
      .evaluateAll((lines) => lines.map((line) => line.getAttribute('stroke-dasharray')));
    expect(new Set(dashes).size).toBe(3);
    await close();
  });

  test('a legend switches a run off in every chart; the others are read out alone', async () => {
    const { page, complaints, close } = await look();
    const drawn = (chart: string) => page.locator(`#chart-${chart} .plot > svg .line`).count();
    expect([await drawn('eval'), await drawn('lr')]).toEqual([3, 3]);
    await page.locator('#chart-lr').getByRole('button', { name: 'short-one' }).click();
    expect([await drawn('eval'), await drawn('lr')]).toEqual([2, 2]);
    const plot = page.locator('#chart-eval .plot');
    await plot.focus();
    await page.keyboard.press('Home');
    expect(await plot.getAttribute('aria-valuetext')).toBe(
      `step 100: long ${(lossAt(100) + 0.1).toFixed(4)}, still-on ${(lossAt(100) + 0.3).toFixed(4)}`,
    );
    await page.keyboard.press('End');
    expect(await plot.getAttribute('aria-valuetext')).toContain('still-on nothing');
    await page.locator('#chart-eval').getByRole('button', { name: 'short-one' }).click();
    expect(await drawn('eval')).toBe(3);
    expect(complaints).toEqual([]);
    await close();
  });

  test('over tokens, time and FLOPs, evenly and by powers of ten, with more and less smoothing', async () => {
    const { page, complaints, close } = await look();
    const range = () => page.locator('#range').textContent();
    const line = () => page.locator('#chart-train .plot .line').first().getAttribute('d');
    const first = await line();
    await page.selectOption('#axis', 'tokens');
    expect(await range()).toBe('1k–1.2M tokens');
    await page.selectOption('#axis', 'time');
    expect(await range()).toBe('1.0 s–20:00 at work');
    await page.selectOption('#axis', 'flops');
    await page.check('#log-x');
    expect(await range()).toBe('6.96e9–8.36e12 FLOPs');
    expect(await line()).not.toBe(first);
    expect(await line()).not.toContain('NaN');
    await page.locator('#chart-eval').getByRole('button', { name: 'log y' }).click();
    const smooth = page.locator('#smoothing');
    await smooth.focus();
    await page.keyboard.press('Home');
    expect(await smooth.getAttribute('aria-valuetext')).toBe('off');
    expect(await page.locator('#chart-train .plot .faint').count()).toBe(0);
    await page.keyboard.press('End');
    expect(await smooth.getAttribute('aria-valuetext')).toBe('EMA over 200 steps');
    expect(await page.locator('#chart-train .plot .faint').count()).toBe(3);
    expect(complaints).toEqual([]);
    await close();
  });

  test('each chart is saved as picture and as values, without leaving the page', async () => {
    const { page, complaints, requests, close } = await look({ acceptDownloads: true });
    const svg = (await saved(page, 'SVG')).toString();
    expect(svg).toMatch(/^<svg[^>]*viewBox/);
    for (const text of ['Held-out loss, nats a token', 'short-one', 'still-on']) expect(svg).toContain(text);
    // Whole in itself: what the style sheet says stands in it.
    expect(svg).toMatch(/stroke="rgb\(61, 79, 208\)"/);
    expect(svg).not.toContain('NaN');
    const png = await saved(page, 'PNG');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.length).toBeGreaterThan(10_000);
    const csv = (await saved(page, 'CSV')).toString().split('\r\n');
    expect(csv).toHaveLength(1 + 12 + 6 + 6 + 1);
    expect(csv[1]).toMatch(/^"long","held-out loss",100,100,102400,\d+,6\.9632\de\+11,/);
    expect([complaints, requests.filter((asked) => !asked.startsWith('blob:'))]).toEqual([[], []]);
    await close();
  });

  test('each chart is a table too, with its values where they are', async () => {
    const { page, close } = await look();
    const table = page.locator('#chart-eval .values');
    await table.locator('summary').click();
    const row = (step: number) =>
      table
        .locator('tr', { hasText: `step ${step}` })
        .locator('td')
        .allTextContents();
    // Evaluated every 100, 50 and 100 steps; the second run ended after 300.
    expect(await row(100)).toEqual([0.1, 0.6, 0.3].map((worse) => (lossAt(100) + worse).toFixed(4)));
    expect(await row(150)).toEqual(['', (lossAt(150) + 0.6).toFixed(4), '']);
    expect((await row(400))[1]).toBe('–');
    await close();
  });

  test('what differs is told, what is the same is not; what a stranger wrote is text', async () => {
    const { page, close } = await look();
    const differs = page.locator('#differences tbody tr');
    const seed = differs.filter({ has: page.locator('code', { hasText: /^seed$/ }) });
    expect(await seed.locator('td').allTextContents()).toEqual(['0', '0', '7']);
    expect(await differs.locator('code', { hasText: 'optimizer.lr' }).count()).toBe(0);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('#samples').textContent()).toContain(EVIL);
    await close();
  });
});

async function saved(page: Page, kind: string): Promise<Buffer> {
  const coming = page.waitForEvent('download');
  await page
    .locator('#chart-eval')
    .getByRole('button', { name: `Save as ${kind}` })
    .click();
  const file = await coming;
  expect(file.suggestedFilename()).toBe(`3-runs-eval.${kind.toLowerCase()}`);
  return readFile(await file.path());
}
