import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { runPt } from '../commands/run-pt.ts';
import { lossAt, makeRun } from '../report/make-run.ts';
import { barriers, browserPath, lookAt, overflow } from './browser.ts';

const EVIL = '</script><img src=x onerror=alert(1)> \u202Egnp \u200b<b>';

describe.skipIf(browserPath === null)('the page of a run, in a browser', () => {
  const look = lookAt(async (home) => {
    const dir = join(home, 'runs', '20261123-120000-abcd');
    await makeRun(dir, { steps: 1200, evalEvery: 100, bad: [600], text: EVIL });
    await writeFile(join(dir, 'forecast.json'), JSON.stringify(forecastOf(dir)));
    const { code, stderr, json } = await runPt(['report', 'latest', '--json'], { env: { PT_HOME: home } });
    expect(code, stderr).toBe(0);
    return String(json().file);
  });

  test.each([
    { width: 1400, colorScheme: 'light' as const },
    { width: 1400, colorScheme: 'dark' as const },
    { width: 400, colorScheme: 'light' as const },
    { width: 400, colorScheme: 'dark' as const },
  ])(
    'at $width pixels, $colorScheme: draws, asks for nothing, complains of nothing, fits, and is open to all',
    async ({ width, colorScheme }) => {
      const { page, complaints, requests, close } = await look({
        viewport: { width, height: 900 },
        colorScheme,
        // axe is put in by the test, which the page's policy rightly forbids.
        bypassCSP: true,
      });
      expect(await page.locator('figure .plot > svg').count()).toBe(6);
      expect(await page.locator('#chart-loss .plot .curve.train .line').getAttribute('d')).toMatch(
        /^M[\d. ]+L/,
      );
      expect(await page.locator('#chart-loss .curve.eval .best').count()).toBe(1);
      expect(await page.locator('#chart-loss .curve.train .bad').count()).toBe(1);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      // Opened, since what is folded away is looked at too.
      for (const details of await page.locator('details').all()) await details.locator('summary').click();
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(await barriers(page)).toEqual([]);
      expect(requests).toEqual([]);
      expect(complaints).toEqual([]);
      await close();
    },
  );

  test('its own policy stands: no complaint with it, and what strangers wrote is text', async () => {
    const { page, complaints, requests, close } = await look();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('header').textContent()).toContain('</script><img src=x onerror=alert(1)>');
    // Even a script that got in would not run.
    await page.evaluate(
      `document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.ran = true">')`,
    );
    await page.waitForTimeout(50);
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(complaints.filter((text) => !/inline event handler/.test(text))).toEqual([]);
    expect(requests).toEqual([]);
    await close();
  });

  test('the mouse: a value under it in every chart; a drag zooms, a double click shows all again', async () => {
    const { page, complaints, close } = await look();
    const plot = page.locator('#chart-loss .plot');
    const box = (await plot.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + 60);
    const tip = page.locator('#chart-loss .tip');
    await tip.waitFor({ state: 'visible' });
    const [, said] = /step ([\d,]+)training ([\d.]+)/.exec((await tip.textContent())!)!;
    const step = Number(said!.replace(',', ''));
    expect(step).toBeGreaterThan(500);
    expect(step).toBeLessThan(700);
    expect(await tip.textContent()).toContain(`training ${lossAt(step).toFixed(4)}`);
    expect(await page.locator('figure .cursor').count()).toBe(6);

    const path = () => page.locator('#chart-speed .plot .curve .line').getAttribute('d');
    const all = await path();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 4 });
    expect(await page.locator('.selection').count()).toBe(1);
    await page.mouse.up();
    const [from, to] = await shownSteps(page);
    expect(from).toBeGreaterThan(200);
    expect(to).toBeLessThan(800);
    expect(await path()).not.toBe(all);
    await plot.dblclick({ position: { x: 200, y: 100 } });
    expect(await shownSteps(page)).toEqual([1, 1200]);
    await page.mouse.move(5, 5);
    await tip.waitFor({ state: 'hidden' });
    expect(complaints).toEqual([]);
    await close();
  });

  test('the keyboard: reaches a chart, reads values, zooms, pans, and shows all again', async () => {
    const { page, close } = await look();
    for (let presses = 0; presses < 15; presses += 1) {
      await page.keyboard.press('Tab');
      if ((await focused(page)).role === 'slider') break;
    }
    const first = await focused(page);
    expect(first.label).toMatch(
      /^Loss, nats a token: training from [\d.]+ at step 1 to [\d.]+ at step 1,200/,
    );
    await page.keyboard.press('Home');
    expect((await focused(page)).text).toBe(
      `step 1: training ${lossAt(1).toFixed(4)}, held-out ${(lossAt(100) + 0.1).toFixed(4)}`,
    );
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect((await focused(page)).text).toContain(`step 3: training ${lossAt(3).toFixed(4)}`);
    await page.keyboard.press('End');
    for (let i = 0; i < 3; i += 1) await page.keyboard.press('+');
    const [from, to] = await shownSteps(page);
    expect(to - from).toBeLessThan(160);
    expect(to).toBe(1200);
    await page.keyboard.press('Shift+ArrowLeft');
    expect((await shownSteps(page))[1]).toBeLessThan(1200);
    await page.keyboard.press('-');
    await page.keyboard.press('0');
    expect(await shownSteps(page)).toEqual([1, 1200]);
    // On the way: its axis, three kinds of file, its table, and what the next legend switches.
    for (let presses = 0; presses < 8; presses += 1) {
      await page.keyboard.press('Tab');
      if ((await focused(page)).role === 'slider') break;
    }
    expect((await focused(page)).label).toMatch(/^Speed/);
    await close();
  });

  test('buttons zoom too, also for a finger, which otherwise scrolls', async () => {
    const { page, close } = await look({
      hasTouch: true,
      viewport: { width: 400, height: 800 },
    });
    await page.getByRole('button', { name: 'Zoom in' }).tap();
    const [from, to] = await shownSteps(page);
    expect(to - from).toBeLessThan(700);
    await page.getByRole('button', { name: 'Later' }).tap();
    expect((await shownSteps(page))[1]).toBeGreaterThan(to);
    await page.getByRole('button', { name: 'All' }).tap();
    expect(await shownSteps(page)).toEqual([1, 1200]);
    await page.locator('#chart-loss .plot').tap({ position: { x: 200, y: 100 } });
    await page.locator('#chart-loss .tip').waitFor({ state: 'visible' });
    await close();
  });
});

/** The steps that the page says it shows. */
async function shownSteps(page: Page): Promise<[number, number]> {
  const text = (await page.locator('#range').textContent())!;
  const [, from, to] = /([\d,]+)–([\d,]+)/.exec(text)!;
  return [Number(from!.replaceAll(',', '')), Number(to!.replaceAll(',', ''))];
}

function focused(page: Page): Promise<{ role: string | null; label: string | null; text: string | null }> {
  return page.evaluate(() => {
    // biome-ignore lint/suspicious/noExplicitAny: runs in the browser
    const { activeElement } = (globalThis as any).document;
    const get = (name: string) => activeElement.getAttribute(name) as string | null;
    return { role: get('role'), label: get('aria-label'), text: get('aria-valuetext') };
  });
}

function forecastOf(dir: string) {
  const model = (name: string, loss: number, uid: number | null) => ({
    name,
    dir: join(dir, 'best'),
    loss,
    low: loss - 0.03,
    high: loss + 0.03,
    winRate: 0.5,
    block: 1,
    uid,
    reasonable: true,
    error: null,
  });
  return {
    madeAt: '2026-11-23T12:00:00.000Z',
    network: EVIL,
    netuid: 9,
    evaluation: {
      models: [model('best', 2.6, null), model(EVIL, 2.61, 12), model('x/y', 2.8, 40)],
      winner: 'best',
      lossToBeat: 2.59,
      lossToBeatLater: 2.605,
      decayedAtBlock: 4_100_000,
      pWin: 0.42,
      pWinLater: 0.81,
      advice: 'wait',
      sentence: EVIL,
      matrix: [
        [null, 0.6, 1],
        [0.4, null, 1],
        [0, 0, null],
      ],
      block: 4_000_000,
      profile: '3.2',
      competition: EVIL,
      sample: { batches: 128, sequenceLength: 4096, data: [EVIL] },
    },
  };
}
