import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { RawClient, upgrade } from '../support/raw.ts';
import { botMessage, modMessage, RelayClient, stillServes } from '../support/relay-client.ts';

// Bun lets go of a socket that does not read some 3 s after we closed it.
setDefaultTimeout(20_000);

let server: Moonstead;

/** Upgrades that are never finished: the server gives up after some 12 s, beside the other tests. */
let patient: Moonstead;
let unfinished: RawClient[];

beforeAll(async () => {
  patient = await Moonstead.start();
  unfinished = await Promise.all([1, 2, 3].map(() => RawClient.connect(patient.port)));
  unfinished[0]!.write('GET /sync HTTP/1.1\r\nHost: 127.0.0.1\r\n');
  unfinished[1]!.write(upgrade(patient.port).slice(0, -2));
});

// The test of unfinished upgrades needs no server of its own, and may be the first.
afterEach(() => server?.stop());
afterAll(() => patient.stop());

const chunk = 'x'.repeat(200_000);

async function start(settings: Record<string, string | number>, more = '', folder?: string) {
  const all = {
    slow_bytes: '64KB',
    too_slow_bytes: '1MB',
    slow_timeout: '300ms',
    queue_max: 64,
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const toml = `${more}\n[gateway]\n${lines.join('\n')}\n`;
  server = await Moonstead.start(folder === undefined ? { toml } : { toml, folder });
}

function closings(): unknown[] {
  return server.events.filter(({ event }) => event === 'closing').map(({ detail }) => detail);
}

/** A text of one chunk that says which it is. */
function text(id: string): string {
  return `${id} ${chunk}`;
}

function ids(contents: readonly string[]): string[] {
  return contents.map((content) => content.split(' ')[0]!);
}

/** Sends one after the other, each after the acknowledgement of the one before. */
async function tell(mod: RelayClient, count: number): Promise<string[]> {
  const statuses: string[] = [];
  for (let i = 0; i < count; i++) {
    mod.say(modMessage(`m${i}`, text(`m${i}`)));
    statuses.push((await mod.next(({ msg_id: id }) => id === `m${i}`)).status);
  }
  return statuses;
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`);

/** Waits until its TCP connection is gone, though it reads nothing: a write finds out. */
async function gone(client: RawClient): Promise<void> {
  await until('the TCP connection to end', () => {
    if (!client.ended) client.pong('');
    return client.ended;
  });
}

test.each([64, 8])(
  'a bot that does not read: the next gets the newest %i, in order',
  async (max) => {
    await start({ queue_max: max });
    const bot = await RawClient.bot(server.port);
    bot.stopReading();
    const mod = await RelayClient.mod(server.sync());
    const statuses = await tell(mod, 40);
    expect(statuses[0]).toBe('completed');
    expect(statuses.at(-1)).toBe('queued');
    await until('its end', () => closings().length > 0);
    expect(closings()).toEqual(['too slow (gateway.slow_timeout)']);
    const next = await RelayClient.bot(server.sync());
    await next.next(({ msg_id: id }) => id === 'm39');
    expect(ids(next.contents)).toEqual(numbered(40).slice(-max));
    expect(next.contents.at(-1)).toBe(text('m39'));
  },
);

test('a shutdown does not wait for a bot that does not read, and loses nothing of it', async () => {
  const folder = temporaryFolder();
  try {
    await start({ slow_timeout: '20s' }, '', folder);
    const bot = await RawClient.bot(server.port);
    bot.stopReading();
    const mod = await RelayClient.mod(server.sync());
    const statuses = await tell(mod, 40);
    expect(new Set(statuses)).toEqual(new Set(['completed', 'queued']));
    const startMs = Date.now();
    expect(await server.stop()).toBe(0);
    expect(Date.now() - startMs).toBeLessThan(6000);
    expect(await mod.ended()).toMatchObject({ code: 1001 });
    await start({}, '', folder);
    const next = await RelayClient.bot(server.sync());
    await next.next(({ msg_id: id }) => id === 'm39');
    expect(ids(next.contents)).toEqual(numbered(40));
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a bot that falls behind and reads on in time stays, and gets all in order', async () => {
  await start({ slow_timeout: '20s' });
  const bot = await RawClient.bot(server.port);
  bot.stopReading();
  const mod = await RelayClient.mod(server.sync());
  expect((await tell(mod, 40)).at(-1)).toBe('queued');
  bot.readOn();
  await until('all of them', () => bot.contents.length >= 40);
  mod.say(modMessage('live'));
  await bot.next(({ msg_id: id }) => id === 'live');
  expect(ids(bot.contents)).toEqual([...numbered(40), 'live']);
  expect(closings()).toEqual([]);
});

test('a bot that is sent too much in one turn is closed, and the next one gets all in order', async () => {
  await start({ slow_timeout: '20s', too_slow_bytes: '256KB' });
  const bot = await RawClient.bot(server.port);
  bot.stopReading();
  const mod = await RelayClient.mod(server.sync());
  mod.say(...numbered(40).map((id) => modMessage(id, text(id))));
  await until('all answers', () => mod.answers.length === 40);
  expect(mod.answers.filter((answer) => answer.endsWith(' failed'))).toEqual([]);
  expect(mod.answers.map((answer) => answer.split(' ')[0])).toEqual(numbered(40));
  expect(closings()).toEqual(['too slow (gateway.too_slow_bytes)']);
  const next = await RelayClient.bot(server.sync());
  await until('all of them', () => next.contents.length >= 40);
  expect(ids(next.contents)).toEqual(numbered(40));
});

test('beside a mod that does not read, one that keeps up gets everything', async () => {
  await start({ slow_timeout: '20s' });
  const slow = await RawClient.mod(server.port, {}, 'slow');
  slow.stopReading();
  const good = await RelayClient.mod(server.sync(), 'good');
  const bot = await RelayClient.bot(server.sync());
  for (const id of numbered(60)) {
    bot.say(botMessage(id, text(id)));
    expect((await bot.next()).status).toBe('completed');
    await good.next(({ msg_id: got }) => got === id);
  }
  expect(ids(good.contents)).toEqual(numbered(60));
  expect(closings()).toEqual(['too slow (gateway.too_slow_bytes)']);
});

test('a sender that does not read its acknowledgements is closed', async () => {
  await start({ slow_timeout: '20s' }, '[server]\nid_length_max = 4096');
  const bot = await RelayClient.bot(server.sync());
  const mod = await RawClient.mod(server.port);
  mod.stopReading();
  const long = (i: number) => `m${i}-${'x'.repeat(4000)}`;
  for (let i = 0; closings().length === 0; i += 50) {
    mod.say(...Array.from({ length: 50 }, (_, k) => modMessage(long(i + k), 'hello')));
    // In step with the server, so that it is the answers that pile up.
    await until('the bot to have them', () => {
      return closings().length > 0 || bot.contents.length >= i + 50;
    });
    if (i > 10_000) throw new Error('it was let off');
  }
  expect(closings()).toEqual(['too slow (gateway.too_slow_bytes)']);
  await bot.close();
  await stillServes(server.sync());
});

test('a bot that reads a byte a second is closed, and its messages go to the next', async () => {
  await start({});
  const sipping = Bun.spawn(
    ['node', join(import.meta.dir, '../support/sipping-client.mjs'), `${server.port}`, 'gateway'],
    { stdout: 'pipe', stderr: 'inherit' },
  );
  try {
    await until('its handshake', () => server.events.some(({ event }) => event === 'bot_joined'));
    const mod = await RelayClient.mod(server.sync());
    expect((await tell(mod, 40)).at(-1)).toBe('queued');
    await until('its end', () => closings().length > 0);
    expect(closings()).toEqual(['too slow (gateway.slow_timeout)']);
    const next = await RelayClient.bot(server.sync());
    await until('all of them', () => next.contents.length >= 40);
    expect(ids(next.contents)).toEqual(numbered(40));
    expect(await new Response(sipping.stdout).text()).toBe('joined\nended\n');
  } finally {
    sipping.kill('SIGKILL');
    await sipping.exited;
  }
});

test('a bot that shows no life is ended while we keep sending, and the next gets its messages', async () => {
  await start({ ping_interval: '100ms', read_deadline: '500ms' });
  const mute = await RawClient.bot(server.port, { pongs: false });
  const mod = await RelayClient.mod(server.sync());
  const statuses: string[] = [];
  while (!mute.ended) {
    const id = `m${statuses.length}`;
    mod.say(modMessage(id));
    statuses.push((await mod.next(({ msg_id: got }) => got === id)).status);
  }
  expect(statuses[0]).toBe('completed');
  expect(mute.closed).toBeUndefined();
  const next = await RelayClient.bot(server.sync());
  const last = numbered(statuses.length).slice(-64);
  await until('the messages', () => next.contents.length >= last.length);
  expect(next.contents).toEqual(last);
});

test('slow sockets give back what they held: as many again find room', async () => {
  await start({ too_slow_bytes: '256KB' }, '[server]\nsockets_per_address = 8');
  const bot = await RelayClient.bot(server.sync());
  const good = await RelayClient.mod(server.sync(), 'good');
  const all: RawClient[] = [];
  let sent = 0;
  for (let round = 1; round <= 4; round++) {
    const names = Array.from({ length: 6 }, (_, i) => `slow${i}`);
    const slow = await Promise.all(names.map((name) => RawClient.mod(server.port, {}, name)));
    for (const one of slow) one.stopReading();
    all.push(...slow);
    while (closings().length < round * 6) {
      bot.say(botMessage(`m${sent}`, text(`m${sent}`)));
      await good.next(({ msg_id: id }) => id === `m${sent}`);
      sent += 1;
    }
  }
  await Promise.all(all.map(gone));
  expect(ids(good.contents)).toEqual(numbered(sent));
  await bot.close();
  await stillServes(server.sync());
});

test('an upgrade that never finishes its headers is ended', async () => {
  await until('their end', () => unfinished.every(({ ended }) => ended), 15_000);
  expect(unfinished.map(({ head }) => head)).toEqual(['', '', '']);
  await stillServes(patient.sync());
});
