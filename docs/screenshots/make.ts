/** Makes the pictures of the README: a real server, real clients, Chromium; but the lines' past is made up. */
import type { Page } from 'playwright-core';
import { openBrowser } from '../../tests/support/browser.ts';
import { Moonstead, until } from '../../tests/support/moonstead.ts';
import { Scene, sceneMls, sceneToml } from './scene.ts';

const bytesMax = 200 * 1024;
/** What the server remembers, in points. */
const pointsMax = 181;

const laptop = { width: 1280, height: 720 };
const phone = { width: 390, height: 844 };
const pictures = [
  { name: 'overview-light', view: 'overview', colorScheme: 'light', viewport: laptop },
  { name: 'overview-dark', view: 'overview', colorScheme: 'dark', viewport: laptop },
  { name: 'workers', view: 'workers', colorScheme: 'light', viewport: laptop },
  { name: 'phone', view: 'overview', colorScheme: 'dark', viewport: phone },
] as const;

/** By how much a counter grows from one point to the next in the scene. */
const growth: [name: RegExp, perPoint: number][] = [
  [/^relay\.messages_total\.mod$/, 80],
  [/messages_total/, 40],
  [/^tasks\.requests_total\.answered$/, 80],
  [/./, 0],
];

/** Nobody wants to wait a quarter of an hour for a picture: what came before is like what there is. */
async function lengthenHistory(page: Page): Promise<void> {
  await page.route('**/api/stats/history', async (route) => {
    const answer = await route.fetch();
    const history = (await answer.json()) as { series: Record<string, number[]> };
    for (const [name, values] of Object.entries(history.series)) {
      const [, perPoint] = growth.find(([pattern]) => pattern.test(name))!;
      const known = perPoint === 0 ? values : values.slice(-1);
      const wave = (i: number) =>
        1 + 0.3 * Math.sin(i / 11 + perPoint) + 0.1 * Math.sin(i * 1.7) * Math.sin(i / 5);
      const before: number[] = [];
      let total = known[0]!;
      for (let i = pointsMax - known.length; i > 0; i--)
        before.push((total -= Math.round(perPoint * wave(i))));
      history.series[name] = [...before.reverse(), ...known];
    }
    await route.fulfill({ response: answer, json: history });
  });
}

/** Waits until all that is to be seen has begun, and for some points of the lines. */
async function settle(): Promise<void> {
  const linesOf = async () => {
    const answer = await fetch(`${server.http}/api/stats/history`);
    return ((await answer.json()) as { series: Record<string, number[]> }).series;
  };
  const length = (await linesOf())['server.sockets']?.length ?? 0;
  await until(
    'some more points',
    async () => ((await linesOf())['server.sockets']?.length ?? 0) >= length + 4,
    60_000,
  );
}

const server = await Moonstead.start({ toml: sceneToml, mls: sceneMls, scan: false });
const scene = new Scene(server);
const browser = await openBrowser();
try {
  await scene.begin();
  await settle();
  for (const { name, view, colorScheme, viewport } of pictures) {
    const page = await browser.newPage({ colorScheme, viewport });
    await lengthenHistory(page);
    await page.goto(`${server.http}/#${view}`);
    await page.getByText('Live', { exact: true }).waitFor();
    const sign = view === 'workers' ? '.health.healthy' : '.bars meter';
    await page.locator(sign).first().waitFor();
    // Two rounds of numbers: before the second there are no rates.
    const uptime = await page.locator('main').innerText();
    await until('new numbers', async () => (await page.locator('main').innerText()) !== uptime);
    const path = `${import.meta.dir}/${name}.png`;
    const { length } = await page.screenshot({ path });
    if (length > bytesMax) throw new Error(`${name}.png has ${length} bytes`);
    console.log(`${name}.png ${length}`);
    await page.close();
  }
} finally {
  await browser.close();
  await scene.end();
  await server.stop();
}
