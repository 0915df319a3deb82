import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { subnetPage } from '../../src/report/subnet-page.ts';
import { root } from '../commands/run-pt.ts';
import { subnetFacts } from '../report/subnet-facts.ts';
import { barriers, browserPath, lookAt, overflow } from './browser.ts';

describe.skipIf(browserPath === null)('the page of the subnet, in a browser', () => {
  const look = lookAt(async (dir) => {
    const read = (name: string) => readFile(join(root, 'dist/report', name), 'utf8');
    const assets = { script: await read('client.js'), style: await read('client.css') };
    const file = join(dir, 'subnet.html');
    await writeFile(file, subnetPage(subnetFacts('<img src=x onerror=alert(1)>'), assets));
    return file;
  });

  test.each([
    { width: 1400, colorScheme: 'light' as const },
    { width: 400, colorScheme: 'dark' as const },
  ])('at $width pixels, $colorScheme: draws, asks for nothing, fits, and is open to all', async (options) => {
    const { page, complaints, requests, close } = await look({
      viewport: { width: options.width, height: 900 },
      colorScheme: options.colorScheme,
      bypassCSP: true,
    });
    expect(await page.locator('circle.spot').count()).toBe(220);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await barriers(page)).toEqual([]);
    expect(requests).toEqual([]);
    expect(complaints).toEqual([]);
    await close();
  });

  test('sorts by any column, by mouse and by key; what is unknown comes last', async () => {
    const { page, close } = await look();
    const uids = () => column(page, 0);
    expect((await uids()).slice(0, 2)).toEqual([3, 0]);
    await page.getByRole('button', { name: 'uid' }).click();
    expect((await uids()).slice(0, 2)).toEqual([255, 254]);
    await page.getByRole('button', { name: 'uid' }).focus();
    await page.keyboard.press('Enter');
    expect((await uids()).slice(0, 2)).toEqual([0, 1]);
    expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('ascending');
    await page.getByRole('button', { name: 'Size' }).click();
    const sizes = await column(page, 3);
    const known = sizes.filter((size) => size !== null);
    expect(known).toEqual(known.toSorted((a, b) => b - a));
    expect(sizes.indexOf(null)).toBe(known.length);
    await page.getByRole('button', { name: 'Loss' }).click();
    expect((await uids())[0]).toBe(3);
    await close();
  });
});

/** What the cells of a column sort by; null: nothing known. */
async function column(page: Page, index: number): Promise<(number | null)[]> {
  const keys = await page
    .locator(`#neurons tbody tr > :nth-child(${index + 1})`)
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('data-sort')));
  return keys.map((key) => (key === null || key === '' ? null : Number(key)));
}
