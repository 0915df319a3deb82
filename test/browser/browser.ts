import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';

/**
 * A real Chromium: the one in PT_BROWSER, or the system's. Without any, the tests that need it are skipped, unless PT_BROWSER=required.
 */
export const browserPath: string | null = find();

function find(): string | null {
  const wanted = process.env.PT_BROWSER;
  if (wanted && wanted !== 'required') return wanted;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
  if (found) return found;
  if (wanted === 'required')
    throw new Error('PT_BROWSER=required, but there is no Chromium: apt-get install chromium');
  console.warn('No Chromium here: the pages are not looked at in a browser (apt-get install chromium).');
  return null;
}

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: browserPath!,
    // Containers run tests as root and give little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });

/** For the tests around it: `write` makes a page in a folder of their own and names its file, and a browser is there. Returns a `look` at that page. */
export function lookAt(
  write: (dir: string) => Promise<string>,
): (options?: BrowserContextOptions) => Promise<Watched> {
  let dir: string;
  let browser: Browser;
  let url: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'pt-browser-'));
    url = pathToFileURL(await write(dir)).href;
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await rm(dir, { recursive: true, force: true });
  });
  return (options) => look(browser, url, options);
}

export interface Watched {
  page: Page;
  /** Errors and warnings of the console, and what scripts threw. */
  complaints: string[];
  /** Addresses that were asked for, beside the page itself. */
  requests: string[];
  close(): Promise<void>;
}

/** Opens an address and keeps book of what should not happen. */
export async function look(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith('data:') && request.url() !== url) requests.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, requests, close: () => context.close() };
}

/** How far the page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => {
    // biome-ignore lint/suspicious/noExplicitAny: runs in the browser, whose types these tests do not have
    const { document, innerWidth } = globalThis as any;
    return document.documentElement.scrollWidth - innerWidth;
  });

/** What axe finds against the common rules of accessibility, as `rule: element`. */
export async function barriers(page: Page): Promise<string[]> {
  await page.addScriptTag({ content: axe.source });
  return page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: the library as it was put into the page
    const { violations } = await (globalThis as any).axe.run();
    return violations.flatMap(({ id, nodes }: { id: string; nodes: { target: string[] }[] }) =>
      nodes.map(({ target }) => `${id}: ${target.join(' ')}`),
    );
  });
}
