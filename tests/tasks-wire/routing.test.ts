import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import type { HttpWorker } from '../support/http-worker.ts';
import { until } from '../support/moonstead.ts';
import { answer, answerJson, Stage } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

beforeAll(() => stage.start());
afterEach(() => stage.clear());
afterAll(() => stage.stop());

/** Workers that answer with their names. */
async function workers(all: Record<string, object>): Promise<Record<string, HttpWorker>> {
  const list: [string, HttpWorker][] = [];
  for (const [name, more] of Object.entries(all))
    list.push([name, await stage.httpWorker(answerJson(`"${name}"`), { node_id: name, ...more })]);
  return Object.fromEntries(list);
}

/** Who does each of so many tasks, one after the other. */
async function doers(count: number, more: object): Promise<string> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const { json } = await stage.task(i, more);
    names.push(json.error === undefined ? json : String(json.error));
  }
  return names.join(' ');
}

describe('a region', () => {
  test('is served by its own workers and by those of everything below it, in turn', async () => {
    await workers({
      e: { region: 'us-east-1' },
      w: { region: 'us-west-1' },
      u: { region: 'usa' },
      far: { region: 'eu-west-1' },
      unknown: { region: 'moon' },
    });
    const sorted = async (count: number, more: object) =>
      (await doers(count, more)).split(' ').toSorted().join(' ');
    expect(await doers(3, { region: 'us-east-1' })).toBe('e e e');
    expect(await sorted(6, { region: 'usa' })).toBe('e e u u w w');
    expect(await sorted(6, { region: 'northamerica' })).toBe('e e u u w w');
    expect(await doers(2, { region: 'emea' })).toBe('far far');
    expect(await doers(2, { region: 'moon' })).toBe('unknown unknown');
  });

  test('without workers is served by those of the one above, and at last by anybody', async () => {
    const all = await workers({
      w: { region: 'us-west-1' },
      far: { region: 'eu-west-1' },
      unknown: { region: 'moon' },
    });
    expect(await doers(3, { region: 'us-east-1' })).toBe('w w w');
    all.w!.close();
    // Refused connections; it goes to anybody else, and no one is tried twice.
    const who = (await doers(4, { region: 'us-east-1' })).split(' ').toSorted().join(' ');
    expect(who).toBe('far far unknown unknown');
    expect(await doers(2, { region: 'singapore' })).not.toContain('error');
  });

  test.each([['global'], ['default'], [''], [undefined]])('%p means anybody', async (region) => {
    await workers({
      a: { region: 'us-east-1' },
      b: { region: 'eu-west-1' },
      c: { region: 'moon' },
    });
    const who = (await doers(6, { region })).split(' ').toSorted().join(' ');
    expect(who).toBe('a a b b c c');
  });

  test('that nobody serves at all: 503, and when to come again', async () => {
    const answer = await stage.task();
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(answer.json).toEqual({
      error: 'No healthy worker with room.',
      task_id: answer.headers['x-task-id'],
    });
    expect(answer.headers['x-task-attempts']).toBe('0');
  });
});

test('weights 5, 1 and 1 give a a b a c a a', async () => {
  await workers({ a: { weight: 5 }, b: { weight: 1 }, c: {} });
  expect(await doers(14, {})).toBe('a a b a c a a a a b a c a a');
});

test('a worker with max_concurrency is given no more; full, the next region is asked, then 503', async () => {
  const region = 'us-east-1';
  const near = await stage.httpWorker(() => {}, { region, max_concurrency: 2 });
  const far = await stage.httpWorker(() => {}, { region: 'usa', max_concurrency: 1 });
  for (const n of [1, 2, 3]) stage.begin(n, { region });
  await until('all three', () => near.seen.length === 2 && far.seen.length === 1);
  const refused = await stage.task(4, { region });
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
  const done = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
  near.seen[0]!.socket.write(done);
  await until('room', async () => (await stage.status()).tasks === 2);
  stage.begin(5, { region });
  await near.request(3);
  expect(far.seen).toHaveLength(1);
  for (const { socket } of [...near.seen, ...far.seen]) socket.destroy();
});

test('with sticky a key has the same worker, and another one only while that is away', async () => {
  const all = await workers({ a: {}, b: {}, c: {}, d: {} });
  const keys = Array.from({ length: 8 }, (_, i) => `key ${i}`);
  const owners = async () => {
    const list = [];
    for (const sticky of keys) list.push(await doers(2, { sticky }));
    return list.map((pair) => {
      const [one, two] = pair.split(' ');
      expect(two).toBe(one!);
      return one!;
    });
  };
  const first = await owners();
  expect(new Set(first).size).toBeGreaterThan(1);
  expect(await owners()).toEqual(first);
  const lost = first[0]!;
  all[lost]!.close();
  const second = await owners();
  expect(second).not.toContain(lost);
  // Nobody else's keys have moved.
  expect(second.filter((_, i) => first[i] !== lost)).toEqual(first.filter((name) => name !== lost));
});

test('workers of both kinds share a region', async () => {
  await workers({ http: {} });
  const socket = await stage.socketWorker({ node_id: 'socket' });
  const asked = [1, 2, 3, 4].map((n) => stage.begin(n));
  await answer(socket, 'socket');
  await answer(socket, 'socket');
  const done = await Promise.all(asked.map((one) => one.over()));
  expect(done.map(({ json }) => json).toSorted()).toEqual(['http', 'http', 'socket', 'socket']);
  for (const { json, headers } of done) expect(headers['x-worker-id']).toBe(json);
});

test('a heartbeat with another region, weight or bound counts from the next task on', async () => {
  const { a } = await workers({ a: { region: 'us-east-1' }, b: { region: 'eu-west-1' } });
  await stage.register(a!.port, { node_id: 'a', region: 'eu-west-1', weight: 3 });
  expect(await doers(4, { region: 'emea' })).toBe('a b a a');
  await stage.entryThat('a', ({ region, weight }) => region === 'eu-west-1' && weight === 3);
  expect((await stage.status()).regions).toEqual({ 'eu-west-1': { clients: 2, active: 2 } });
});
