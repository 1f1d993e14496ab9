import { afterEach, describe, expect, test } from 'bun:test';
import { relayKeys } from '../../src/config/relay-keys.ts';
import { folderWith, loadEnv, loadIn, loadMls, loadToml, removeFolders, told } from './folder.ts';

afterEach(removeFolders);

describe('config.toml', () => {
  test.each([
    ['[server.tls]\ncert = "/dev/null"', '2 server.tls.key: must be set, as cert is'],
    ['[server.tls]\nkey = "/dev/null"', '2 server.tls.cert: must be set, as key is'],
    ['[gateway]\nslow_bytes = "8MB"', '2 gateway.slow_bytes: must be less than too_slow_bytes'],
    [
      '[gateway]\ntoo_slow_bytes = "512KB"',
      '2 gateway.slow_bytes: must be less than too_slow_bytes',
    ],
    [
      '[gateway]\nread_deadline = "60s"\nping_interval = "60s"',
      '3 gateway.ping_interval: must be less than read_deadline',
    ],
    [
      '[gateway]\nkey_ring_bytes_max = "65MB"',
      '2 gateway.key_ring_bytes_max: must not be more than ring_bytes_max',
    ],
    ['[players]\nslow_bytes = "8MB"', '2 players.slow_bytes: must be less than too_slow_bytes'],
    [
      '[players]\nping_interval = "60s"',
      '2 players.ping_interval: must be less than read_deadline',
    ],
    [
      '[players]\nsender_ring_bytes_max = "65MB"',
      '2 players.sender_ring_bytes_max: must not be more than ring_bytes_max',
    ],
    [
      '[players.files]\nmax_file_mb = 2000',
      '2 players.files.max_file_mb: must not be more than user_quota_mb',
    ],
    [
      '[players.files]\nuser_quota_mb = 20000',
      '2 players.files.user_quota_mb: must not be more than total_quota_mb',
    ],
    [
      '[gateway]\nwebsocket = ""',
      '2 gateway.websocket: must not be empty without [[gateway.keys]]',
    ],
    [
      '[[gateway.keys]]\nname = "websocket"\nkey = "k"',
      '2 gateway.keys[0].name: is taken by another key',
    ],
    [
      '[gateway]\nwebsocket = "k"\n[[gateway.keys]]\nname = "a"\nkey = "k"',
      '5 gateway.keys[0].key: is the same as that of another name',
    ],
    [
      '[[gateway.keys]]\nname = "a"\nkey = "k"\n[[gateway.keys]]\nname = "a"\nkey = "l"',
      '5 gateway.keys[1].name: is taken by another key',
    ],
    [
      '[[api.keys]]\nname = "a"\nkey = "k"\nrole = "read"\n[[api.keys]]\nname = "b"\nkey = "k"\nrole = "admin"',
      '7 api.keys[1].key: is the same as that of another name',
    ],
  ])('%j is refused', (toml, problem) => {
    expect(told(loadToml(toml))).toEqual([problem]);
  });

  test('what no file says is told by its variable', () => {
    const { problems } = loadEnv({ MOONSTEAD_GATEWAY_SLOW_BYTES: '9MB' });
    expect(problems).toEqual([
      {
        file: 'MOONSTEAD_GATEWAY_SLOW_BYTES',
        line: undefined,
        key: 'gateway.slow_bytes',
        message: 'must be less than too_slow_bytes',
      },
    ]);
  });
});

describe("the relay's keys", () => {
  const keys = '[[gateway.keys]]\nname = "a"\nkey = "k"';

  test('without configuration the example key is the only one, with every right', () => {
    expect(relayKeys(loadToml('').config)).toEqual([{ name: 'websocket', key: 'gateway' }]);
  });

  test('the example key is not valid beside keys that somebody made', () => {
    expect(relayKeys(loadToml(keys).config)).toEqual([{ name: 'a', key: 'k' }]);
    expect(relayKeys(loadToml(`[gateway]\nwebsocket = ""\n${keys}`).config)).toEqual([
      { name: 'a', key: 'k' },
    ]);
  });

  test('a single key that was set is valid beside the others, wherever it was set', () => {
    const both = [
      { name: 'websocket', key: 's' },
      { name: 'a', key: 'k' },
    ];
    expect(relayKeys(loadToml(`[gateway]\nwebsocket = "s"\n${keys}`).config)).toEqual(both);
    const cwd = folderWith({ 'config.toml': keys });
    const env = { MOONSTEAD_GATEWAY_WEBSOCKET: 's' };
    expect(relayKeys(loadIn(cwd, { env }).config)).toEqual(both);
  });
});

describe('mls.json', () => {
  test('times are seconds, fractions too, or a text with a unit', () => {
    const { mls, problems } = loadMls({
      ws: { read_timeout: 0.5, write_timeout: '40ms' },
      gone_after: 5,
    });
    expect(problems).toEqual([]);
    expect(mls).toMatchObject({
      ws: { read_timeout: 500, write_timeout: 40, heartbeat_interval: 30_000 },
      gone_after: 5000,
      forget_after: 600_000,
    });
  });

  test('a note may say anything', () => {
    expect(loadMls({ note: 'two\nlines' }).mls.note).toBe('two\nlines');
  });

  test.each([
    [{ task_body_mb: 257 }, '1 task_body_mb: must not be more than bodies_mb'],
    [{ eject_time: 301 }, '1 eject_time: must not be more than eject_time_max'],
    [{ region_hierarchy: { a: 'a' } }, '1 region_hierarchy.a: must not be its own parent'],
    [
      { region_hierarchy: { x: 'a', a: 'b', b: 'c', c: 'a' } },
      '1 region_hierarchy.a: must not lead back to itself: "a" -> "b" -> "c" -> "a"',
    ],
    [
      { region_hierarchy: { '': 'a' } },
      '1 region_hierarchy."": the name must have 1 to 128 characters',
    ],
    [{ region_hierarchy: { a: '' } }, '1 region_hierarchy.a: must have 1 to 128 characters'],
    [{ region_hierarchy: { a: null } }, '1 region_hierarchy.a: must be text, not null'],
    [{ gone_after: 700 }, '1 gone_after: must not be more than forget_after'],
    [{ tokens: ['a', 'a'] }, '1 tokens: must not repeat a token'],
    [{ task_keys: ['a', 'a'] }, '1 task_keys: must not repeat a key'],
    [{ ws: { path: '/sync' } }, '1 ws.path: collides with a route of the server (/sync)'],
    [{ ws: { path: '/dashboard' } }, '1 html.dashboard_path: collides with ws.path (/dashboard)'],
    [{ ws: { path: '/static/ws' } }, '1 html.static_path: collides with ws.path (/static/ws)'],
    [
      { html: { index_path: '/api/x' } },
      '1 html.index_path: collides with routes of the server (/api)',
    ],
    [
      { html: { static_path: '/' } },
      '1 html.static_path: collides with a route of the server (/sync)',
    ],
    [{ ws: { path: 'ws' } }, '1 ws.path: must be a path such as "/ws"'],
    [{ ws: { path: '/a/../b?c' } }, '1 ws.path: must be a path such as "/ws"'],
    [{ work_body: 'bare' }, '1 work_body: must be one of "wrapped", "payload", not "bare"'],
    [
      { allowed_networks: ['10.0.0.0'], retry_count: -1 },
      '1 retry_count: must be a whole number from 0 to 100, not -1',
    ],
  ])('%j is refused', (mls, problem) => {
    expect(told(loadMls(mls))).toEqual([problem]);
  });

  test('each loop of regions is told once, with those that are right beside it', () => {
    const regions = { a: 'b', b: 'a', c: 'a', d: 'e', e: 'f', x: 'y', y: 'x' };
    expect(told(loadMls({ region_hierarchy: regions }))).toEqual([
      '1 region_hierarchy.a: must not lead back to itself: "a" -> "b" -> "a"',
      '1 region_hierarchy.x: must not lead back to itself: "x" -> "y" -> "x"',
    ]);
  });

  test('paths of what is turned off collide with nothing', () => {
    const off = {
      ws: { enabled: false, path: '/sync' },
      html: { enabled: false, index_path: '/sync' },
    };
    expect(told(loadMls(off))).toEqual([]);
    const twice = { html: { index_path: '/', dashboard_path: '/' } };
    expect(told(loadMls(twice))).toEqual([]);
  });
});
