import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser, Page } from 'playwright-core';
import { noBrowser, openBrowser, openPage } from '../support/browser.ts';
import { until } from '../support/moonstead.ts';
import { Stage, token } from '../support/tasks.ts';

/** For each test: a browser on a busy machine takes its time. */
const patienceMs = 120_000;

const workers = 10_000;
const regions = ['us-east-1', 'us-west-1', 'eu-west-1', 'ap-southeast-1'];
/** In the page, of all workers. */
const rowsMax = 80;

/** What the table shows: its rows, as the names in them, and where it stands. */
const table = (page: Page) =>
  page.getByRole('region', { name: 'Workers' }).evaluate((frame) => ({
    names: [...frame.querySelectorAll('tbody tr:not([aria-hidden]) td:first-child')].map((cell) =>
      cell.textContent!.trim(),
    ),
    top: frame.scrollTop,
    height: frame.scrollHeight,
    all: Number(frame.querySelector('table')!.getAttribute('aria-rowcount')) - 1,
  }));

describe.skipIf(noBrowser !== '')(
  `ten thousand workers on the dashboard${noBrowser && ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser;
    let page: Page;
    let troubles: string[];
    const stage = new Stage();

    beforeAll(async () => {
      [browser] = await Promise.all([openBrowser(), stage.start()]);
      let next = 0;
      const register = async () => {
        while (next < workers) {
          const number = next++;
          const body = JSON.stringify({
            token,
            region: regions[number % regions.length],
            node_id: `worker-${number}`,
            port: 1 + (number % 60_000),
            weight: 1 + (number % 100),
          });
          const headers = { 'Content-Type': 'application/json' };
          const path = `${stage.server.http}/client/heartbeat`;
          const { status } = await fetch(path, { method: 'POST', headers, body });
          if (status !== 200) throw new Error(`refused with ${status}`);
        }
      };
      await Promise.all(Array.from({ length: 32 }, register));
      ({ page, troubles } = await openPage(browser, `${stage.server.http}/#workers`));
      await page.getByText('10,000 of 10,000').waitFor();
    }, patienceMs);
    afterAll(async () => {
      await browser?.close();
      await stage.stop();
    });

    test(
      'few of them are in the page, wherever it is scrolled to',
      async () => {
        const { names, height, all } = await table(page);
        expect(names.slice(0, 2)).toEqual(['worker-0', 'worker-1']);
        expect(names.length).toBeLessThan(rowsMax);
        expect(all).toBe(workers);
        expect(height).toBeGreaterThan(workers * 36);
        const frame = page.getByRole('region', { name: 'Workers' });
        for (const number of [5_000, 9_999, 123]) {
          await frame.evaluate((one, top) => one.scrollTo(0, top), number * 36);
          await page.getByRole('cell', { name: `worker-${number}`, exact: true }).waitFor();
          expect((await table(page)).names.length).toBeLessThan(rowsMax);
        }
        const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
        expect(nodes).toBeLessThan(1_500);
      },
      patienceMs,
    );

    test(
      'they are sorted as people count, both ways, and stay so when they are asked for again',
      async () => {
        const heading = (name: string) => page.getByRole('button', { name, exact: true });
        const first = (names: string[]) =>
          until(`${names} first`, async () => {
            await page
              .getByRole('region', { name: 'Workers' })
              .evaluate((one) => one.scrollTo(0, 0));
            return (await table(page)).names.slice(0, names.length).join() === names.join();
          });
        await heading('Worker').click();
        await first(['worker-0', 'worker-1', 'worker-2', 'worker-3']);
        await heading('Worker').click();
        await first(['worker-9999', 'worker-9998', 'worker-9997']);
        await heading('Weight').click();
        await first(['worker-0', 'worker-100', 'worker-200']);
        await heading('Weight').click();
        await first(['worker-99', 'worker-199', 'worker-299']);
        const asked = page.waitForResponse(/\/api\/workers/);
        await asked;
        await first(['worker-99', 'worker-199', 'worker-299']);
      },
      patienceMs,
    );

    test(
      'they are filtered by words, health and region, all at once; a shorter list is scrolled less far',
      async () => {
        const frame = page.getByRole('region', { name: 'Workers' });
        await frame.evaluate((one) => one.scrollTo(0, one.scrollHeight));
        const find = page.getByRole('searchbox', { name: 'Find' });
        await find.pressSequentially('worker-99');
        // 99, 990 to 999 and 9900 to 9999.
        await page.getByText('111 of 10,000').waitFor();
        expect((await table(page)).names.length).toBeGreaterThan(0);
        await page.getByRole('button', { name: /^europe/ }).click();
        const inEurope = Array.from({ length: workers }, (_, number) => number).filter(
          (number) => number % regions.length === 2 && `${number}`.startsWith('99'),
        );
        await page.getByText(`${inEurope.length} of 10,000`).waitFor();
        const { names } = await table(page);
        expect(names.toSorted()).toEqual(inEurope.map((number) => `worker-${number}`).toSorted());
        await page.getByLabel('Health').selectOption('gone');
        await page.getByText('0 of 10,000').waitFor();
        await page.getByText('No worker is like that.').waitFor();
        await page.getByLabel('Health').selectOption('healthy');
        await find.fill('');
        await page.getByText('2,500 of 10,000').waitFor();
        expect((await page.locator('.tree').innerText()).split('\n').slice(1, 3)).toEqual([
          'global',
          '10000/10000',
        ]);
        expect(troubles).toEqual([]);
      },
      patienceMs,
    );
  },
);
