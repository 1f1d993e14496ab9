import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser, Page } from 'playwright-core';
import { accessProblems, noBrowser, openBrowser, openPage } from '../support/browser.ts';
import { Moonstead } from '../support/moonstead.ts';
import { botMessage, RelayClient } from '../support/relay-client.ts';
import { answerJson, Stage } from '../support/tasks.ts';
import { Game } from '../support/players.ts';

/** For each test: a browser on a busy machine takes its time. */
const patienceMs = 120_000;

const views = ['overview', 'workers', 'relay', 'players', 'events', 'task'];
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

describe.skipIf(noBrowser !== '')(
  `the dashboard for everybody${noBrowser && ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser;
    let empty: Moonstead;
    const stage = new Stage();
    const game = new Game();

    beforeAll(async () => {
      [browser, empty] = await Promise.all([
        openBrowser(),
        Moonstead.start(),
        stage.start({ eject_failures: 1 }),
      ]);
      game.server = stage.server;
      const bot = stage.guest(await RelayClient.bot(stage.server.sync()), (one) => one.close());
      for (const channel of ['1', '2', '3'])
        bot.say(botMessage(`m${channel}`, 'hi', { id: channel }));
      bot.say({ nothing: true });
      for (const region of ['us-east-1', 'eu-west-1'])
        for (let n = 0; n < 12; n++) {
          const more = { region, node_id: `${region}-${n}` };
          await stage.register(n === 5 ? 1 : 9, more);
        }
      await stage.httpWorker(answerJson('{"a":1}'), { region: 'usa', node_id: 'good' });
      await stage.task('words', { region: 'eu-west-1' });
      await Promise.all(['alice', 'bob'].map((name) => game.player(name, { userName: name })));
    }, patienceMs);
    afterAll(async () => {
      await browser?.close();
      await game.leave();
      await Promise.all([empty?.stop(), stage.stop()]);
    });

    /** Opens a page and calls `look` in each view, once there is something to see. */
    async function eachView(
      server: Moonstead,
      look: (page: Page, view: string) => Promise<unknown>,
      ...more: [colors?: 'light' | 'dark', options?: object]
    ) {
      const { page, troubles } = await openPage(browser, server.http, ...more);
      await page.getByText('Live', { exact: true }).waitFor();
      for (const view of views) {
        await page.goto(`${server.http}/#${view}`);
        await page.locator(`nav a[href="#${view}"][aria-current]`).waitFor();
        await page.getByText('Loading…').first().waitFor({ state: 'detached' });
        await look(page, view);
      }
      expect(troubles).toEqual([]);
      await page.context().close();
    }

    for (const colors of ['light', 'dark'] as const)
      for (const what of ['full', 'empty', 'full on a phone'])
        test(
          `axe finds nothing to complain of: ${colors}, ${what}`,
          async () => {
            const server = what === 'empty' ? empty : stage.server;
            const options = what.endsWith('phone') ? phone : {};
            const look = async (page: Page, view: string) =>
              expect([view, await accessProblems(page)]).toEqual([view, []]);
            await eachView(server, look, colors, options);
          },
          patienceMs,
        );

    test(
      'axe finds nothing to complain of where a key is asked for, an event is open, a task answered',
      async () => {
        const keys = '[[api.keys]]\nname = "reader"\nkey = "of-a-reader-only"\nrole = "read"\n';
        const locked = await Moonstead.start({ toml: keys });
        const asking = await openPage(browser, locked.http, 'dark');
        await asking.page.getByRole('dialog').waitFor();
        expect(await accessProblems(asking.page)).toEqual([]);
        await asking.page.context().close();
        await locked.stop();

        const { page } = await openPage(browser, `${stage.server.http}/#events`);
        await page.locator('td button').first().click();
        await page.getByRole('region', { name: 'One event' }).waitFor();
        expect(await accessProblems(page)).toEqual([]);
        await page.goto(`${stage.server.http}/#task`);
        await page.getByRole('button', { name: 'Send' }).click();
        await page.locator('.answer .facts').waitFor();
        expect(await accessProblems(page)).toEqual([]);
        await page.context().close();
      },
      patienceMs,
    );

    test(
      'axe does find what is wrong',
      async () => {
        const { page } = await openPage(browser, stage.server.http);
        await page.locator('.theme').evaluate((label) => label.replaceWith(...label.children));
        expect((await accessProblems(page)).join()).toStartWith('select-name: <select>');
        await page.context().close();
      },
      patienceMs,
    );

    test(
      'all of it can be done by the keyboard',
      async () => {
        const { page } = await openPage(browser, stage.server.http);
        await page.getByText('Live', { exact: true }).waitFor();
        const focused = () =>
          page.evaluate(() => {
            const { activeElement: one } = document;
            return (
              one!.getAttribute('aria-label') ?? one!.id + one!.textContent!.slice(0, 40).trim()
            );
          });
        /** Goes on with Tab to what is called so; fails if that is nowhere. */
        const tabTo = async (name: string) => {
          const passed: string[] = [];
          while (!(passed.at(-1) ?? '').startsWith(name)) {
            if (passed.length > 60) throw new Error(`no ${name} in ${passed.join(' | ')}`);
            await page.keyboard.press('Tab');
            passed.push(await focused());
          }
        };
        await tabTo('Skip to the content');
        await page.keyboard.press('Enter');
        expect(await focused()).toStartWith('content');
        await page.reload();
        await page.getByText('Live', { exact: true }).waitFor();
        await tabTo('Workers');
        await page.keyboard.press('Enter');
        await page.getByRole('row').filter({ hasText: 'good' }).waitFor();
        await tabTo('eu-west-1');
        await page.keyboard.press('Space');
        await page.getByText('12 of 25').waitFor();
        await tabTo('Health');
        await page.keyboard.press('Enter');
        await page.keyboard.press('Enter');
        expect(await page.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
        // The table itself is scrolled by the keys.
        await page.getByRole('region', { name: 'Workers' }).focus();
        await page.setViewportSize({ width: 1280, height: 500 });
        await page.keyboard.press('End');
        await page.waitForFunction(() => document.querySelector('.scroll')!.scrollTop > 0);
        await page.context().close();
      },
      patienceMs,
    );

    test(
      'nothing moves while numbers change',
      async () => {
        const { page } = await openPage(browser, stage.server.http);
        await page.getByText('Live', { exact: true }).waitFor();
        await page.locator('.bars meter').first().waitFor();
        await page.evaluate(() => {
          const all = globalThis as unknown as { moved: string[] };
          all.moved = [];
          new PerformanceObserver((list) => {
            for (const { sources, hadRecentInput } of list.getEntries() as any[])
              for (const { node, previousRect: was, currentRect: is } of sources)
                // A number that is aligned to the right grows to the left, and pushes nothing.
                if (!hadRecentInput && (was.right !== is.right || was.top !== is.top))
                  all.moved.push(`${node?.parentElement?.className}: ${node?.textContent}`);
          }).observe({ type: 'layout-shift' });
        });
        const bot = await RelayClient.mod(stage.server.sync(), 'm', '77');
        const value = page.locator('.card', { hasText: 'Refused' }).locator('.value');
        const before = await value.innerText();
        for (let i = 0; i < 3000; i++) bot.say({ nothing: i });
        await page.waitForFunction((old) => {
          const cards = [...document.querySelectorAll<HTMLElement>('.card')];
          const card = cards.find((one) => one.textContent!.startsWith('Refused'))!;
          return card.querySelector<HTMLElement>('.value')!.innerText !== old;
        }, before);
        await page.locator('.bars li', { hasText: 'malformed message' }).waitFor();
        expect(await page.evaluate(() => (globalThis as any).moved)).toEqual([]);
        bot.socket.close();
        await page.context().close();
      },
      patienceMs,
    );

    test(
      'on a phone nothing is wider than it, and the overview is one column of panels',
      async () => {
        await eachView(
          stage.server,
          async (page, view) => {
            const widths = await page.evaluate(() => [
              document.documentElement.scrollWidth,
              innerWidth,
            ]);
            expect([view, ...widths]).toEqual([view, 390, 390]);
          },
          'light',
          phone,
        );
      },
      patienceMs,
    );

    test(
      'on a laptop the overview is one screen',
      async () => {
        const viewport = { width: 1280, height: 720 };
        const { page } = await openPage(browser, stage.server.http, 'light', { viewport });
        await page.locator('.bars meter').first().waitFor();
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        expect(height).toBeLessThanOrEqual(viewport.height);
        await page.goto(`${stage.server.http}/#workers`);
        await page.getByRole('row').filter({ hasText: 'good' }).waitFor();
        const [shown, whole] = await page
          .getByRole('region', { name: 'Workers' })
          .evaluate((one) => [one.clientWidth, one.scrollWidth]);
        expect(whole!).toBeLessThanOrEqual(shown!);
        await page.context().close();
      },
      patienceMs,
    );

    test(
      'the theme is the system’s until another is chosen, which stays',
      async () => {
        const { page } = await openPage(browser, stage.server.http, 'light');
        const dark = 'rgb(16, 18, 27)';
        const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        expect(await back()).not.toBe(dark);
        await page.emulateMedia({ colorScheme: 'dark' });
        expect(await back()).toBe(dark);
        await page.getByLabel('Theme').selectOption('light');
        expect(await back()).not.toBe(dark);
        await page.reload();
        expect(await page.getByLabel('Theme').inputValue()).toBe('light');
        expect(await back()).not.toBe(dark);
        await page.emulateMedia({ colorScheme: 'light' });
        await page.getByLabel('Theme').selectOption('dark');
        expect(await back()).toBe(dark);
        await page.context().close();
      },
      patienceMs,
    );

    test(
      'who wants no motion gets none',
      async () => {
        const options = { reducedMotion: 'reduce' };
        await eachView(
          stage.server,
          async (page, view) => {
            const moving = await page.evaluate(() => document.getAnimations().length);
            expect([view, moving]).toEqual([view, 0]);
          },
          'light',
          options,
        );
      },
      patienceMs,
    );
  },
);
