import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { existsSync, readFileSync } from 'node:fs';

/** Debian's. */
const executablePath = '/usr/bin/chromium';

/** Why there is no browser for tests; empty: there is one. */
export const noBrowser = existsSync(executablePath) ? '' : 'chromium is not installed';

/** A browser without a window, and without a sandbox, which would not work for root; the caller closes it. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, chromiumSandbox: false, args: ['--disable-gpu'] });
}

/** A page, and what it did. */
export interface Watched {
  page: Page;
  /** What it asked for, each time. */
  requests: URL[];
  /** What went wrong in it: in its console and its scripts, what its policy forbade, what did not load. */
  troubles: string[];
}

/** Opens a page in a profile of its own; closed with its browser. */
export async function openPage(
  browser: Browser,
  url: string,
  colorScheme: 'light' | 'dark' = 'light',
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({
    colorScheme,
    viewport: { width: 1280, height: 1000 },
    ...options,
  });
  const page = await context.newPage();
  const watched: Watched = { page, requests: [], troubles: [] };
  const { requests, troubles } = watched;
  page.on('request', (request) => requests.push(new URL(request.url())));
  page.on('requestfailed', (request) => troubles.push(`not loaded: ${request.url()}`));
  page.on('pageerror', (error) => troubles.push(`script: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(`console: ${message.text()}`);
  });
  await page.goto(url);
  return watched;
}

const axe = readFileSync(Bun.resolveSync('axe-core/axe.min.js', import.meta.dir), 'utf8');

/** What of WCAG 2.2 AA the page breaks as it is now, as far as a program can tell; with what breaks it. */
export async function accessProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await (globalThis as any).axe.run({ runOnly: tags });
    return violations.flatMap(({ id, nodes }: any) =>
      nodes.map(({ html, failureSummary }: any) => `${id}: ${html} ${failureSummary}`),
    );
  });
}
