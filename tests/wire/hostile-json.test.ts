import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { chat, key, said, startHardened, unharmed, Visitors } from '../support/hostile.ts';
import type { Moonstead } from '../support/moonstead.ts';
import { frame, RawClient } from '../support/raw.ts';

let server: Moonstead;
const visitors = new Visitors();

beforeAll(async () => {
  server = await startHardened();
});

afterEach(async () => {
  visitors.leave();
  await unharmed(server);
});

afterAll(() => server.stop());

const bodyBytes = 2 * 1024 * 1024;
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const withMeta = (meta: string) => said.replace(/}$/, `,"meta":${meta}}`);

test.each<[string, string]>([
  ['2 MB of [', '['.repeat(bodyBytes)],
  ['2 MB of {"a":', '{"a":'.repeat(bodyBytes / 5)],
  ['depth 50,000 in meta', withMeta(`{"a":${nested(50_000)}}`)],
  [
    'depth 50,000 in a field that is ignored',
    withMeta('{}').replace('{', `{"x":${nested(50_000)},`),
  ],
  ['depth 65', withMeta(`{"a":${nested(63)}}`)],
  ['all fields under __proto__', `{"__proto__":${said}}`],
  ['an id under __proto__', said.replace('"id":"player"', '"__proto__":{"id":"player"}')],
  ['a lone surrogate in an id', said.replace('"player"', '"\\ud800"')],
  ['a lone surrogate in msg_id', said.replace('"m"', '"\\udfff"')],
  ['a control character in an id', said.replace('"player"', '"a\\u001b[31m"')],
  ['NUL as msg_id', said.replace('"m"', '"\\u0000"')],
  ['a number as msg_id', said.replace('"m"', '7')],
  ['the last of two ids, which is wrong', said.replace('"id":"srv"', '"id":"srv","id":"other"')],
  ['nothing', ''],
  ['null', 'null'],
  ['a byte order mark', `\ufeff${said}`],
  ['two messages in one frame', said + said],
])('%s is malformed, and the connection stays', async (_name, text) => {
  const mod = await visitors.add(RawClient.mod(server.port, { key }));
  mod.write(frame(text), frame(said));
  expect(await mod.next()).toMatchObject({ message: 'Malformed message.', code: 400 });
  expect(await mod.next()).toMatchObject({ status: 'queued', msg_id: 'm' });
});

test.each<[string, string]>([
  ['depth 64', withMeta(`{"a":${nested(62)}}`)],
  ['__proto__ as a key of meta', withMeta('{"__proto__":{"polluted":true},"constructor":1}')],
  ['numbers that no double holds', withMeta('{"n":1e400,"id":12345678901234567890123}')],
  ['both of these', withMeta('{"__proto__":{"n":1e400},"b":12345678901234567890123}')],
  [
    'lone surrogates in chat and keys',
    withMeta('{"\\ud800":"\\udc00"}').replace(chat, `\\ud800${chat}`),
  ],
  ['10,000 keys', withMeta(`{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":${i}`)}}`)],
])('%s arrives as it was sent', async (_name, text) => {
  const bot = await visitors.add(RawClient.bot(server.port, { key }));
  const mod = await visitors.add(RawClient.mod(server.port, { key }));
  mod.write(frame(text.replace('"m"', '"json"')));
  await mod.next(({ msg_id: id, status }) => id === 'json' && status === 'completed');
  await bot.next(({ msg_id: id }) => id === 'json');
  const got = bot.texts.at(-1)!;
  const field = (name: string, from: string) => JSON.stringify(JSON.parse(from)[name]);
  expect(field('content', got)).toBe(field('content', text));
  const meta = /"meta":(\{.*\})/;
  expect(got).toContain(`"meta":${meta.exec(text)![1]!.slice(0, -1)}`);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
