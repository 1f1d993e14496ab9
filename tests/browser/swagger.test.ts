import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { noBrowser, openBrowser, openPage, type Watched } from '../support/browser.ts';
import { Moonstead } from '../support/moonstead.ts';

/** For each test: a browser on a busy machine takes its time. */
const patienceMs = 120_000;

const key = 'a-key-that-may-read';
const keys = `[[api.keys]]\nname = "reader"\nkey = "${key}"\nrole = "read"\n`;

/** Opens one operation, such as `get /stats`. */
async function opened(page: Page, name: string): Promise<Locator> {
  const [method, path] = name.split(' ') as [string, string];
  const block = page.locator(`.opblock-${method}`).filter({
    has: page.locator(`.opblock-summary-path[data-path="${path}"]`),
  });
  await block.locator('.opblock-summary-control').click();
  return block;
}

/** Tries an operation out; the status of its answer, and the body's text. */
async function tried(page: Page, name: string): Promise<{ status: string; body: string }> {
  const block = await opened(page, name);
  await block.getByRole('button', { name: 'Try it out' }).click();
  await block.getByRole('button', { name: 'Execute' }).click();
  const live = block.locator('.live-responses-table .response');
  await live.waitFor();
  const status = await live.locator('.response-col_status').innerText();
  return {
    status: status.trim(),
    body: await live.locator('.highlight-code pre').first().innerText(),
  };
}

/** Nothing went wrong, and nobody else was asked. */
function expectQuiet({ requests, troubles }: Watched, server: Moonstead): void {
  expect(troubles).toEqual([]);
  expect(requests.length).toBeGreaterThan(5);
  expect(requests.filter(({ origin }) => origin !== server.http).map(String)).toEqual([]);
}

describe.skipIf(noBrowser !== '')(
  `Swagger UI in a browser${noBrowser && ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser;
    let open: Moonstead;
    let locked: Moonstead;

    beforeAll(async () => {
      [browser, open, locked] = await Promise.all([
        openBrowser(),
        Moonstead.start(),
        Moonstead.start({ toml: keys }),
      ]);
    }, patienceMs);
    afterAll(async () => {
      await browser?.close();
      await Promise.all([open?.stop(), locked?.stop()]);
    });

    async function shown(server: Moonstead, colors?: 'light' | 'dark'): Promise<Watched> {
      const watched = await openPage(browser, `${server.http}/swagger`, colors);
      await watched.page.locator('.opblock').first().waitFor();
      return watched;
    }

    test(
      'shows every operation of the document, and asks nobody else for anything',
      async () => {
        const watched = await shown(open);
        const document: any = await (await fetch(`${open.http}/swagger/json`)).json();
        const names = Object.entries(document.paths as Record<string, object>).flatMap(
          ([path, item]) => Object.keys(item).map((method) => `${method} ${path}`),
        );
        const blocks = await watched.page.locator('.opblock').evaluateAll((all) =>
          all.map((block) => {
            const method = block.querySelector('.opblock-summary-method')!.textContent;
            const path = block.querySelector<HTMLElement>('.opblock-summary-path')!.dataset.path;
            return `${method.toLowerCase()} ${path}`;
          }),
        );
        expect(blocks.sort()).toEqual(names.sort());
        expectQuiet(watched, open);
      },
      patienceMs,
    );

    test(
      'what is tried out is answered',
      async () => {
        const watched = await shown(open);
        const { status, body } = await tried(watched.page, 'get /ping');
        expect(status).toBe('200');
        expect(JSON.parse(body).status).toBe('ok');
        expect(watched.requests.map(({ pathname }) => pathname)).toContain('/ping');
        expectQuiet(watched, open);
      },
      patienceMs,
    );

    test(
      'where a key is needed, nothing is shown until one is',
      async () => {
        const watched = await shown(locked);
        const { page } = watched;
        expect((await tried(page, 'get /stats')).status).toBe('401');
        await page.locator('.auth-wrapper .authorize').first().click();
        const form = page.locator('.auth-container', { hasText: 'statusKey' });
        await form.locator('input').fill(key);
        await form.getByRole('button', { name: 'Apply credentials' }).click();
        await page.locator('.auth-btn-wrapper .btn-done').first().click();
        const { status, body } = await tried(page, 'get /sessions');
        expect(status).toBe('200');
        expect(JSON.parse(body)).toEqual({ items: [], next: null });
        // The 401 that was provoked; the browser tells of it too.
        watched.troubles = watched.troubles.filter((text) => !/status of 401/.test(text));
        expectQuiet(watched, locked);
      },
      patienceMs,
    );

    test(
      'WebSockets and streams are described, and not to be tried out',
      async () => {
        const { page } = await shown(open);
        for (const [name, mayTry] of [
          ['get /sync', false],
          ['get /live', false],
          ['get /uptime', true],
        ] as const) {
          const block = await opened(page, name);
          await block.locator('.responses-wrapper').waitFor();
          const buttons = await block.getByRole('button', { name: 'Try it out' }).count();
          expect([name, buttons === 1]).toEqual([name, mayTry]);
        }
      },
      patienceMs,
    );

    test(
      'is dark for who wants it dark',
      async () => {
        const background = async (colors: 'light' | 'dark') => {
          const { page } = await shown(open, colors);
          return page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        };
        const dark = 'rgb(28, 32, 34)';
        expect(await background('dark')).toBe(dark);
        expect(await background('light')).not.toBe(dark);
      },
      patienceMs,
    );
  },
);
