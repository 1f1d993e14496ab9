import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { Stage, token } from '../support/tasks.ts';

const stage = new Stage();
const least = { token, region: 'usa' };

beforeAll(() => stage.start());
afterEach(async () => {
  expect((await stage.status()).clients).toBe(0);
  await stage.clear();
});
afterAll(() => stage.stop());

describe('refused with 400', () => {
  test.each(
    [
      ['', 'not JSON'],
      ['{"token":', 'not JSON'],
      ['[]', ''],
      ['null', ''],
      ['{}', 'token: '],
      [JSON.stringify({ token }), 'region: '],
      [JSON.stringify({ region: 'usa' }), 'token: '],
      [JSON.stringify({ ...least, token: 5 }), 'token: '],
      [JSON.stringify({ ...least, region: '' }), 'region: '],
      [JSON.stringify({ ...least, region: 'r'.repeat(129) }), 'region: '],
      [JSON.stringify({ ...least, node_id: '' }), 'node_id: '],
      [JSON.stringify({ ...least, node_id: 'a\u0000' }), 'node_id: '],
      [JSON.stringify({ ...least, node_id: 5 }), ''],
      [JSON.stringify({ ...least, ip: 5 }), 'ip: '],
      [JSON.stringify({ ...least, port: 0 }), 'port: '],
      [JSON.stringify({ ...least, port: 65_536 }), 'port: '],
      [JSON.stringify({ ...least, port: '3000' }), 'port: '],
      [JSON.stringify({ ...least, port: 3000.5 }), 'port: '],
      [JSON.stringify({ ...least, weight: 0 }), 'weight: '],
      [JSON.stringify({ ...least, weight: 101 }), 'weight: '],
      [JSON.stringify({ ...least, max_concurrency: -1 }), 'max_concurrency: '],
      [`{"token":${'['.repeat(100)}${']'.repeat(100)}}`, 'deeper than server.json_depth_max'],
      [JSON.stringify({ ...least, note: 'x'.repeat(70_000) }), 'the body is too large'],
    ].map(([body, detail]) => [body!.slice(0, 90), body!, detail!]),
  )('%s', async (_, body, detail) => {
    const { status, json } = await stage.heartbeat(body);
    expect([status, json.error]).toEqual([400, 'Malformed heartbeat.']);
    expect(json.detail).toStartWith(detail);
  });
});

test.each(['', 'x', `${token}x`, token.slice(1), token.toUpperCase()])(
  'the token %p is refused with 401',
  async (wrong) => {
    const { status, json } = await stage.heartbeat({ ...least, token: wrong });
    expect([status, json]).toEqual([401, { error: 'Invalid token.' }]);
  },
);

test('anything but application/json is refused with 415', async () => {
  const said = await stage.heartbeat(least, { 'Content-Type': 'text/plain' });
  expect([said.status, said.json]).toEqual([
    415,
    { error: 'Content-Type must be application/json.' },
  ]);
});

describe('where a worker may be', () => {
  test.each([
    ['169.254.169.254', 'ip must not be link-local'],
    ['::ffff:169.254.169.254', 'ip must not be link-local'],
    ['fe80::1', 'ip must not be link-local'],
    ['224.0.0.1', 'ip must not be multicast'],
    ['255.255.255.255', 'ip must not be broadcast'],
    ['0.0.0.0', 'ip must not be unspecified'],
    ['::', 'ip must not be unspecified'],
    ['::ffff:0:0', 'ip must not be unspecified'],
    ['localhost', 'ip must be an IP address: host names are refused'],
    ['worker.example.org', 'ip must be an IP address: host names are refused'],
    ['127.1', 'ip must be an IP address: host names are refused'],
    ['', 'ip must be an IP address: host names are refused'],
  ])('not at %p', async (ip, detail) => {
    const { status, json } = await stage.heartbeat({ ...least, ip });
    expect([status, json]).toEqual([403, { error: 'No worker may be at this address.', detail }]);
  });

  test.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via'])(
    'not at loopback, if it came with %s',
    async (name) => {
      for (const more of [{}, { ip: '127.0.0.1' }, { ip: '::ffff:7f00:1' }]) {
        const value = name === 'Forwarded' ? 'for=127.0.0.1' : '127.0.0.1';
        const { status, json } = await stage.heartbeat({ ...least, ...more }, { [name]: value });
        expect([status, json.detail]).toEqual([
          403,
          'ip may be loopback only if the heartbeat came from there, not forwarded',
        ]);
      }
    },
  );
});
