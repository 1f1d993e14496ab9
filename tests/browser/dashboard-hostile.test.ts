import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser, Page } from 'playwright-core';
import { noBrowser, openBrowser, openPage } from '../support/browser.ts';
import { FileContent } from '../support/file-content.ts';
import { FilePeer } from '../support/file-peer.ts';
import { Moonstead, until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import { botMessage, RelayClient } from '../support/relay-client.ts';
import { answerJson, Stage } from '../support/tasks.ts';

/** For each test: a browser on a busy machine takes its time. */
const patienceMs = 120_000;

/** Would each set `pwned`, if it ever became HTML or a script. */
const hostile = (who: string) => `<img src=x onerror=pwned=1>'"\`\${pwned=1}</script>${who}`;

/** Every text of the page, and whether anything of it came alive. */
const seen = (page: Page) =>
  page.evaluate(() => ({
    text: document.body.textContent ?? '',
    alive: document.querySelectorAll('img, iframe, object, embed, script:not([src])').length,
    pwned: 'pwned' in globalThis,
  }));

describe.skipIf(noBrowser !== '')(
  `strangers on the dashboard${noBrowser && ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    }, patienceMs);
    afterAll(() => browser?.close());

    test(
      'a worker, region, player, file, channel, bot, message or answer that is HTML stays text',
      async () => {
        const stage = new Stage();
        const game = new Game();
        await stage.start({ eject_failures: 1 });
        game.server = stage.server;
        const node_id = hostile('worker');
        const region = hostile('region');
        await stage.httpWorker(answerJson(JSON.stringify(hostile('answer'))), { node_id, region });
        const bot = await RelayClient.bot(stage.server.sync(), hostile('bot'));
        bot.say(botMessage('m1', hostile('message'), { id: hostile('channel') }));
        await until('the answer', () => bot.answers.length === 1);
        const player = await FilePeer.enter(game, (await game.session(hostile('user'))).token);
        const named = await game.player('named', { userName: hostile('name') });
        const content = new FileContent(1_048_576, 1);
        const file = { fileName: hostile('file').replace('/', ''), fileSize: content.bytes };
        const transferId = 'a'.repeat(32);
        player.say({ type: 'file_send_begin', targetUserId: 'named', transferId, ...file });
        await player.next('file_receive_ready');
        named.say({ type: 'join', channel: hostile('room') });
        await stage.register(1, { region: 'other', node_id: hostile('broken') });
        await stage.task('words', { region: 'other' });

        const watched = await openPage(browser, stage.server.http);
        const { page } = watched;
        for (const [view, ...whats] of [
          ['overview', 'channel to mods', 'broken'],
          ['workers', 'worker', 'region', 'broken'],
          ['relay', 'bot', 'channel'],
          ['players', 'user', 'name'],
          ['events', 'worker', 'bot'],
        ]) {
          await page.goto(`${stage.server.http}/#${view}`);
          for (const what of whats) {
            const text = `</script>${what}`;
            await until(`${what} in ${view}`, async () => (await seen(page)).text.includes(text));
          }
          expect([view, (await seen(page)).alive, (await seen(page)).pwned]).toEqual([
            view!,
            0,
            false,
          ]);
        }
        await page.goto(`${stage.server.http}/#players`);
        await until('the file', async () => (await seen(page)).text.includes('<img src=x'));
        await page.goto(`${stage.server.http}/#events`);
        await page.getByRole('button', { name: 'worker_ejected' }).first().click();
        await page.getByRole('region', { name: 'One event' }).waitFor();
        await page.goto(`${stage.server.http}/#task`);
        await page.getByLabel('Region').fill(region);
        await page.getByRole('button', { name: 'Send' }).click();
        await page.locator('.answer .facts').waitFor();
        const answered = await seen(page);
        expect(answered.text).toContain(hostile('answer').replaceAll('"', '\\"'));
        expect([answered.alive, answered.pwned]).toEqual([0, false]);
        expect(watched.troubles).toEqual([]);
        expect(watched.requests.filter(({ pathname }) => pathname.endsWith('/x'))).toEqual([]);

        await page.context().close();
        await bot.close();
        await game.leave();
        await stage.stop();
      },
      patienceMs,
    );

    test(
      'the browser lets no script and no request in, even if the page had a hole',
      async () => {
        const server = await Moonstead.start();
        const watched = await openPage(browser, server.http);
        const { page } = watched;
        await page.getByText('Live', { exact: true }).waitFor();
        const refused = await page.evaluate(async () => {
          const tries: Record<string, () => unknown> = {
            html: () => (document.createElement('p').innerHTML = '<b>bold</b>'),
            script: () => (document.createElement('script').textContent = '1'),
            fetch: () => fetch('http://127.0.0.2:9/'),
            socket: () =>
              new Promise((resolve, reject) => {
                const socket = new WebSocket('ws://127.0.0.2:9/');
                socket.onopen = resolve;
                socket.onerror = reject;
              }),
          };
          const found: string[] = [];
          for (const [name, act] of Object.entries(tries))
            try {
              await act();
            } catch {
              found.push(name);
            }
          return found;
        });
        expect(refused).toEqual(['html', 'script', 'fetch', 'socket']);
        expect(watched.requests.filter(({ hostname }) => hostname !== '127.0.0.1')).toEqual([]);
        await page.context().close();
        await server.stop();
      },
      patienceMs,
    );

    test(
      'where a key is needed the page asks for it, keeps it for the tab, and never in a URL',
      async () => {
        const key = 'a-key-that-may-read';
        const keys = `[[api.keys]]\nname = "reader"\nkey = "${key}"\nrole = "read"\n`;
        const server = await Moonstead.start({ toml: keys });
        const watched = await openPage(browser, server.http);
        const { page, requests } = watched;
        const dialog = page.getByRole('dialog', { name: 'A key is needed' });
        await dialog.waitFor();
        await page.getByRole('status', { includeHidden: true }).getByText('Locked').waitFor();
        expect(await page.getByText('No answer').count()).toBe(0);
        const field = dialog.getByLabel('Key');
        // It cannot be put away, and is where the typing goes.
        expect(await field.evaluate((one) => one === document.activeElement)).toBeTrue();
        await page.keyboard.press('Escape');
        await field.fill('wrong');
        await page.keyboard.press('Enter');
        await dialog.getByText('No such key.').waitFor();
        const asked = requests.length;
        await page.goto(`${server.http}/#workers`);
        await page.getByRole('heading', { name: 'Workers' }).waitFor();
        await field.fill(key);
        await page.keyboard.press('Enter');
        await page.getByText('Live', { exact: true }).waitFor();
        await page.getByText('No worker has registered.').waitFor();
        // Without a good key it did not ask again and again.
        expect(requests.length - asked).toBeLessThan(12);

        await page.reload();
        await page.getByText('Live', { exact: true }).waitFor();
        expect(await dialog.count()).toBe(0);
        expect(requests.filter(({ href }) => href.includes(key)).length).toBe(0);
        const elsewhere = await page.evaluate(() => [
          document.cookie,
          JSON.stringify(localStorage),
          document.documentElement.outerHTML,
          location.href,
        ]);
        expect(elsewhere.filter((text) => text.includes(key))).toEqual([]);
        const other = await page.context().newPage();
        await other.goto(server.http);
        await other.getByRole('dialog', { name: 'A key is needed' }).waitFor();

        await page.getByRole('button', { name: 'Forget the key' }).click();
        await dialog.waitFor();
        expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
        await page.context().close();
        await server.stop();
      },
      patienceMs,
    );
  },
);
