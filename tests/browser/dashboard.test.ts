import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Browser, Page } from 'playwright-core';
import { noBrowser, openBrowser, openPage, type Watched } from '../support/browser.ts';
import { FileContent } from '../support/file-content.ts';
import { FilePeer } from '../support/file-peer.ts';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import { botMessage, modMessage, RelayClient } from '../support/relay-client.ts';
import { answerJson, Stage, token } from '../support/tasks.ts';

/** For each test: a browser on a busy machine takes its time. */
const patienceMs = 120_000;

/** Waits until a place says so. */
const says = (page: Page, place: string, text: string | RegExp) =>
  page.locator(place, { hasText: text }).first().waitFor();

/** The texts of the rows of a table, each as its cells. */
const rows = (page: Page, table: string) =>
  page
    .getByRole('region', { name: table, exact: true })
    .locator('tbody tr:not([aria-hidden])')
    .evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.innerText.trim())),
    );

/** The row of a table that begins so, once it is there. */
const row = (page: Page, table: string, first: string) =>
  until(`the row of ${first}`, async () =>
    (await rows(page, table)).find((cells) => cells[0] === first),
  );

describe.skipIf(noBrowser !== '')(
  `the dashboard in a browser${noBrowser && ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser;
    const stage = new Stage();
    const game = new Game();
    let watched: Watched;
    let page: Page;

    beforeAll(async () => {
      [browser] = await Promise.all([
        openBrowser(),
        stage.start(
          { eject_failures: 1, eject_time: 3600, eject_time_max: 3600 },
          'instance_name = "harbour"\n[gateway]\nqueue_max = 100\n',
        ),
      ]);
      game.server = stage.server;
      watched = await openPage(browser, stage.server.http);
      ({ page } = watched);
      await page.getByText('Live', { exact: true }).waitFor();
    }, patienceMs);
    afterAll(async () => {
      await browser?.close();
      await game.leave();
      await stage.stop();
    });

    const show = async (view: string) => {
      await page.goto(`${stage.server.http}/#${view}`);
      await page.locator('nav a[aria-current="page"]').waitFor();
    };

    test(
      'an empty server says so in every view, and what to do about it',
      async () => {
        await says(page, '.card', /Bot\s*Away/);
        await says(page, '.panel', 'Nobody has come yet');
        expect(await page.title()).toBe('Overview · harbour');
        for (const [view, text] of [
          ['workers', 'No worker has registered.'],
          ['relay', 'No channel has a mod'],
          ['players', 'Nobody is online.'],
          ['events', 'note'],
          ['task', 'None yet.'],
        ] as const) {
          await show(view);
          await says(page, 'main', text);
        }
      },
      patienceMs,
    );

    test(
      'a bot and mods appear, with queues both ways and refusals by reason',
      async () => {
        const mod = await RelayClient.mod(stage.server.sync(), 'survival', '4711');
        for (let i = 0; i < 3; i++)
          mod.say(
            modMessage(`m${i}`, 'hi', { id: 'survival', destination: { channel_id: '4711' } }),
          );
        await until('the answers', () => mod.answers.length === 3);
        const bot = await RelayClient.bot(stage.server.sync(), 'harbour-bot');
        for (let i = 0; i < 7; i++) bot.say(botMessage(`b${i}`, 'hi', { id: '0815' }));
        await until('the answers', () => bot.answers.length === 7);
        bot.say({ nothing: true });

        await show('overview');
        await says(page, '.card', /Bot\s*Connected\s*1 mod in 2 channels/);
        await says(page, '.card', /Waiting messages\s*7/);
        await says(page, '.bars li', /0815 to mods\s*7/);
        await says(page, '.bars li', /relay: malformed message\s*1\s*1/);
        await says(page, '.card', /Refused\s*1\s*in the last minute/);

        await show('relay');
        await says(page, '.lead', 'The bot harbour-bot has been connected for');
        const [, mods, toMods, toBot, messages, last] = await row(page, 'Channels', '0815');
        expect([mods, toMods, toBot, messages]).toEqual(['0', '7', '0', '7']);
        expect(last).toMatch(/^\d+s ago$|^\dm \d+s ago$/);
        expect((await row(page, 'Channels', '4711')).slice(1, 5)).toEqual(['1', '0', '0', '3']);
        await Promise.all([mod.close(), bot.close()]);
        await says(page, '.lead', 'No bot is connected');
      },
      patienceMs,
    );

    test(
      'workers are shown with their regions, and one that fails with why',
      async () => {
        const slow = await stage.httpWorker(() => {}, { region: 'eu-west-1', node_id: 'slow' });
        const good = { region: 'us-east-1', node_id: 'good', weight: 7, max_concurrency: 4 };
        await stage.httpWorker(answerJson('{"sum":5}'), good);
        for (const n of [1, 2]) {
          const more = { region: 'us-west-1', node_id: `well-${n}` };
          await stage.socketWorker(more);
        }
        await stage.register(1, { region: 'us-west-1', node_id: 'broken' });
        await stage.task('words', { region: 'us-east-1' });
        for (let i = 0; i < 3; i++) stage.begin('words', { region: 'us-west-1', timeout_ms: 2000 });
        stage.begin('words', { region: 'eu-west-1' });
        await slow.request();

        await show('workers');
        const [, region, health, inFlight, weight, latency] = await row(page, 'Workers', 'good');
        expect([region, health, inFlight, weight]).toEqual(['us-east-1', 'healthy', '0 of 4', '7']);
        expect(latency).toMatch(/^[\d.]+ ms [\d.]+ ms$/);
        expect((await row(page, 'Workers', 'slow'))[3]).toBe('1');
        expect((await row(page, 'Workers', 'well-1 WS'))[2]).toBe('healthy');
        const broken = await row(page, 'Workers', 'broken');
        expect(broken[2]).toMatch(/^ejected\s+1 failed call in a row; trial at \d\d:\d\d:\d\d$/);

        const regions = page.getByRole('navigation', { name: 'Regions' });
        expect((await regions.innerText()).split('\n')).toContain('northamerica');
        await regions.getByRole('button', { name: 'northamerica' }).click();
        const names = async () => (await rows(page, 'Workers')).map(([name]) => name).toSorted();
        expect(await names()).toEqual(['broken', 'good', 'well-1 WS', 'well-2 WS']);
        await page.getByLabel('Health').selectOption('ejected');
        expect(await names()).toEqual(['broken']);
        await page.getByLabel('Health').selectOption('');
        await page.getByRole('searchbox', { name: 'Find' }).fill('WEBsocket');
        expect(await names()).toEqual(['well-1 WS', 'well-2 WS']);

        await show('overview');
        await says(page, '.card', /Healthy workers\s*4\s*1 ejected, 0 gone/);
        await says(page, '.recent li', /tasks: worker ejected.*node_id=broken/);
      },
      patienceMs,
    );

    test(
      'players are shown, and their files with how far they are',
      async () => {
        const carol = await game.player('carol', { userName: 'Carol the First' });
        const [alice, bob] = await Promise.all(
          ['alice', 'bob'].map(async (name) =>
            FilePeer.enter(game, (await game.session(name)).token),
          ),
        );
        const content = new FileContent(4_194_304, 1);
        const id = '0'.repeat(31).concat('1');
        await alice!.begin('bob', id, content.bytes);
        await alice!.bytes(id, content, 0, 1_048_576);

        await show('players');
        expect((await row(page, 'Players', 'carol')).slice(0, 2)).toEqual([
          'carol',
          'Carol the First',
        ]);
        await until('a quarter of the file', async () => {
          const [first] = await rows(page, 'Files under way');
          return first?.join(', ') === 'world.zip, alice → bob, arriving, 25 %, 4.0 MB';
        });
        const bar = page.getByRole('progressbar', { name: 'world.zip' });
        expect(await bar.evaluate((one: HTMLProgressElement) => one.position)).toBe(0.25);

        await show('overview');
        await says(page, '.card', /Players\s*3\s*3 sessions, 1 file under way/);
        bob!.cut();
        await says(page, '.card', /Players\s*2/);
        carol.socket.close();
      },
      patienceMs,
    );

    test(
      'a task that is tried out shows status, headers, body, worker, tries and time',
      async () => {
        await show('task');
        await page.getByLabel('Region').fill('us-east-1');
        await page.getByLabel('Payload').fill('{ "add": [2, 3] }');
        await page.getByRole('button', { name: 'Send' }).click();
        const facts = page.locator('.answer .facts');
        await facts.waitFor();
        expect(await facts.innerText()).toMatch(
          /^Status\s+200\s+Worker\s+good\s+Tries\s+1\s+Took\s+[\d.,]+ m?s$/,
        );
        const headers = await page.getByRole('region', { name: 'Headers' }).innerText();
        expect(headers).toMatch(/^content-type: application\/json/m);
        expect(headers).toMatch(/^x-worker-id: good$/m);
        const body = await page.getByRole('region', { name: 'Body' }).innerText();
        expect(JSON.parse(body)).toEqual({ sum: 5 });

        await page.getByLabel('Payload').fill('{ no json');
        await page.getByRole('button', { name: 'Send' }).click();
        await says(page, '.answer', 'The payload is not JSON');
        expect(watched.troubles).toEqual([]);

        await page.getByLabel('Region').fill('eu-west-1');
        await page.getByLabel('Payload').fill('1');
        await page.getByLabel('Wait for an answer').fill('100');
        await page.getByRole('button', { name: 'Send' }).click();
        await says(page, '.answer dd', '504');
        expect(await facts.innerText()).toMatch(/none: the server answered itself\s+Tries\s+1\b/);
        // The 504 that was provoked; the browser tells of it too.
        expect(watched.troubles.splice(0).join()).toMatch(/^console: .*status of 504[^,]*$/);
      },
      patienceMs,
    );

    test(
      'events come by themselves, can be found and held, and say all that they know',
      async () => {
        await show('events');
        await page.getByLabel('Part').selectOption('tasks');
        await page.getByLabel('Level').selectOption('warn');
        await page.getByRole('searchbox', { name: 'Find' }).fill('node_id=broken');
        const times = async () => (await rows(page, 'Events')).map((cells) => cells.slice(1, 4));
        expect(await times()).toEqual([['warn', 'tasks', 'worker_ejected']]);
        await page.getByRole('button', { name: 'worker_ejected' }).click();
        const details = await page.getByRole('region', { name: 'One event' }).innerText();
        expect(details).toMatch(/node_id\s+broken/);
        expect(details).toMatch(/level\s+warn/);
        await page.getByRole('button', { name: 'Close' }).click();

        await page.getByRole('searchbox', { name: 'Find' }).fill('');
        await page.getByRole('button', { name: 'Pause' }).click();
        const before = await rows(page, 'Events');
        const refused = await stage.heartbeat({ token: `${token}x`, region: 'r', port: 1 });
        expect(refused.status).toBe(401);
        const held = page.getByRole('button', { name: /^Go on \([1-9]\d* new\)$/ });
        await held.waitFor();
        expect(await rows(page, 'Events')).toEqual(before);
        await held.click();
        await says(page, 'tbody tr', 'worker_refused');
      },
      patienceMs,
    );

    test(
      'the lines grow, and speak of a quarter of an hour',
      async () => {
        await show('overview');
        const bot = await RelayClient.bot(stage.server.sync(), 'harbour-bot');
        const canvas = page.locator('.chart canvas').first();
        /** Pixels in the colour of the line. */
        const lit = () =>
          canvas.evaluate((shown: HTMLCanvasElement) => {
            const copy = new OffscreenCanvas(shown.width, shown.height);
            const context = copy.getContext('2d', { willReadFrequently: true })!;
            context.drawImage(shown, 0, 0);
            const { data } = context.getImageData(0, 0, copy.width, copy.height);
            let pixels = 0;
            for (let at = 0; at < data.length; at += 4)
              if (data[at] === 0x43 && data[at + 1] === 0x50 && data[at + 2] === 0xb8) pixels += 1;
            return pixels;
          });
        const before = await lit();
        let sent = 0;
        await until(
          'another line',
          async () => {
            bot.say(botMessage(`l${sent++}`, 'hi', { id: '0815' }));
            return (await lit()) > before;
          },
          60_000,
        );
        await bot.close();
      },
      patienceMs,
    );

    test('nothing went wrong, and nobody else was asked', () => {
      expect(watched.troubles).toEqual([]);
      const others = watched.requests.filter(({ origin }) => origin !== stage.server.http);
      expect(others.map(String)).toEqual([]);
    });
  },
);
