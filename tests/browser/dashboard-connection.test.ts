import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { accessProblems, noBrowser, openBrowser, openPage } from '../support/browser.ts';
import { Moonstead, temporaryFolder } from '../support/moonstead.ts';
import { RelayClient } from '../support/relay-client.ts';

/** For each test: a browser on a busy machine takes its time. */
const patienceMs = 120_000;

const sign = (page: Page, text: string) =>
  page.getByRole('status').getByText(text, { exact: true }).waitFor();
const serverCard = (page: Page, text: RegExp) =>
  page.locator('.card', { hasText: text }).first().waitFor();
const isGrey = (page: Page, place: string) =>
  page
    .locator(place)
    .first()
    .evaluate((one) => getComputedStyle(one).filter === 'grayscale(1)');

describe.skipIf(noBrowser !== '')(
  `the dashboard without its server${noBrowser && ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    }, patienceMs);
    afterAll(() => browser?.close());

    test(
      'says that the server is gone and what is stale, and comes back by itself with all that is new',
      async () => {
        const folder = temporaryFolder();
        const first = await Moonstead.start({ folder, mls: { tokens: ['of-its-own'] } });
        const mod = await RelayClient.mod(first.sync(), 'm', '4711');
        const { page } = await openPage(browser, first.http);
        await sign(page, 'Live');
        await serverCard(page, /Bot\s*Away\s*1 mod in 1 channel/);
        expect(await isGrey(page, '.card')).toBeFalse();

        await first.stop('SIGKILL');
        await sign(page, 'No connection');
        await page.getByText(/^No connection to the server for \d+s\.$/).waitFor();
        await page.getByText(/All that is grey is as it was at \d\d:\d\d:\d\d/).waitFor();
        await serverCard(page, /Server\s*No answer\s*was up for/);
        expect(await isGrey(page, '.card.true-now')).toBeFalse();
        expect(await isGrey(page, '.card:not(.true-now)')).toBeTrue();
        expect(await isGrey(page, '.panel')).toBeTrue();
        // What was known is still there to read.
        await serverCard(page, /Bot\s*Away\s*1 mod in 1 channel/);
        expect(await page.title()).toStartWith('(no connection)');
        expect(await accessProblems(page)).toEqual([]);

        // Other views say it, too; what one tries out is not stale.
        await page.goto(`${first.http}/#workers`);
        expect(await isGrey(page, '.scroll')).toBeTrue();
        await page.goto(`${first.http}/#task`);
        expect(await isGrey(page, '.panel')).toBeFalse();
        await page.getByRole('button', { name: 'Send' }).click();
        await page.getByText('No answer, or only a part of one').waitFor();
        await page.goto(`${first.http}/#overview`);

        const second = await Moonstead.start({
          folder,
          port: first.port,
          mls: { tokens: ['of-its-own'] },
        });
        await sign(page, 'Live');
        await serverCard(page, /Server\s*Up\s*for/);
        await serverCard(page, /Bot\s*Away\s*0 mods in 0 channels/);
        expect(await page.getByText('No connection').count()).toBe(0);
        const bot = await RelayClient.bot(second.sync(), 'new');
        await serverCard(page, /Bot\s*Connected/);
        await page.goto(`${first.http}/#events`);
        // Of both runs.
        await page.getByRole('cell', { name: 'mod_joined' }).first().waitFor();
        await page.getByRole('cell', { name: 'bot_joined' }).first().waitFor();
        await page.context().close();
        await Promise.all([bot.close(), mod.ended()]);
        await second.stop();
        rmSync(folder, { recursive: true, force: true });
      },
      patienceMs,
    );

    test(
      'notices a server that is silent though its connection is there, and that it speaks again',
      async () => {
        const server = await Moonstead.start();
        const { page } = await openPage(browser, server.http);
        await sign(page, 'Live');
        server.signal('SIGSTOP');
        await sign(page, 'No connection');
        server.signal('SIGCONT');
        await sign(page, 'Live');
        await page.context().close();
        await server.stop();
      },
      patienceMs,
    );

    test(
      'a first visit while nobody answers shows no number that could be mistaken for one',
      async () => {
        const server = await Moonstead.start();
        const context = await browser.newContext();
        const page = await context.newPage();
        await page.route('**/api/**', (route) => route.abort());
        await page.goto(server.http);
        await sign(page, 'No connection');
        const values = await page.locator('.card .value').allInnerTexts();
        expect(values).toEqual(['No answer', '–', '–', '–', '–', '–']);
        await page.unroute('**/api/**');
        await sign(page, 'Live');
        await serverCard(page, /Players\s*0/);
        await context.close();
        await server.stop();
      },
      patienceMs,
    );
  },
);
