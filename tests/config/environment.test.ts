import { afterEach, expect, test } from 'bun:test';
import { problemText } from '../../src/config/problem.ts';
import { configSchema } from '../../src/config/schema.ts';
import { mlsSchema } from '../../src/config/mls.ts';
import { settingsOf, variableName } from '../../src/config/settings.ts';
import { loadEnv, removeFolders } from './folder.ts';

afterEach(removeFolders);

test('every setting has a variable, and no two share one', () => {
  const names = [
    ...settingsOf(configSchema).map(({ path }) => variableName('MOONSTEAD_', path)),
    ...settingsOf(mlsSchema).map(({ path }) => variableName('MOONSTEAD_MLS_', path)),
  ];
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain('MOONSTEAD_SERVER_TLS_CERT');
  expect(names).toContain('MOONSTEAD_PLAYERS_FILES_MAX_FILE_MB');
  expect(names).toContain('MOONSTEAD_MLS_HEALTH_CHECK_ENABLED');
});

test('a variable is read as its setting is: text, numbers, switches, durations, sizes', () => {
  const { config, mls, problems } = loadEnv({
    MOONSTEAD_SERVER_INSTANCE_NAME: '7',
    MOONSTEAD_GATEWAY_HTTP_PORT: '0',
    MOONSTEAD_GATEWAY_RATE_LIMIT: '0.5',
    MOONSTEAD_GATEWAY_PING_INTERVAL: '50ms',
    MOONSTEAD_GATEWAY_SLOW_BYTES: '64KB',
    MOONSTEAD_PLAYERS_FILES_MAX_FILE_MB: '7',
    MOONSTEAD_API_PUBLIC: 'true',
    MOONSTEAD_MLS_WS_READ_TIMEOUT: '0.25',
    MOONSTEAD_MLS_CONNECT_TIMEOUT: '30ms',
    MOONSTEAD_MLS_WORK_BODY: 'payload',
    MOONSTEAD_MLS_HEALTH_CHECK_ENABLED: 'true',
  });
  expect(problems).toEqual([]);
  expect(config.server.instance_name).toBe('7');
  expect(config.gateway).toMatchObject({
    http_port: 0,
    rate_limit: 0.5,
    ping_interval: 50,
    slow_bytes: 65_536,
  });
  expect([config.players.files.max_file_mb, config.api.public]).toEqual([7, true]);
  expect(mls).toMatchObject({
    ws: { read_timeout: 250 },
    connect_timeout: 30,
    work_body: 'payload',
    health_check: { enabled: true },
  });
});

test('lists and maps are JSON', () => {
  const { config, mls, problems } = loadEnv({
    MOONSTEAD_SERVER_TRUSTED_PROXIES: '["10.0.0.0/8"]',
    MOONSTEAD_GATEWAY_KEYS: '[{"name": "a", "key": "k", "role": "bot", "channels": ["1*"]}]',
    MOONSTEAD_MLS_TOKENS: '["t"]',
    MOONSTEAD_MLS_REGION_HIERARCHY: '{"a": "b"}',
  });
  expect(problems).toEqual([]);
  expect(config.server.trusted_proxies).toEqual(['10.0.0.0/8']);
  expect(config.gateway.keys).toEqual([{ name: 'a', key: 'k', role: 'bot', channels: ['1*'] }]);
  expect([mls.tokens, { ...mls.region_hierarchy }]).toEqual([['t'], { a: 'b' }]);
});

test('what is wrong in a variable is told by its name', () => {
  const { problems } = loadEnv({
    MOONSTEAD_GATEWAY_HTTP_PRT: '1',
    MOONSTEAD_GATEWAY_NOTHING_LIKE_IT_AT_ALL: '1',
    MOONSTEAD_API_PUBLIC: '1',
    MOONSTEAD_API_PORT: '',
    MOONSTEAD_AUTH_PORT: '0x50',
    MOONSTEAD_GATEWAY_KEYS: '[{"name": "a"},\n{"name": "b", "key": "k", "colour": 1}]',
    MOONSTEAD_MLS_TOKENS: 'a,b',
    MOONSTEAD_MLS_REGION_HIERARCHY: '["a"]',
    OTHER_GATEWAY_PORT: '1',
  });
  expect(problems.map(problemText)).toEqual([
    'MOONSTEAD_API_PORT: api.port: must be a whole number from 0 to 65535, not ""',
    'MOONSTEAD_API_PUBLIC: api.public: must be true or false, not "1"',
    'MOONSTEAD_AUTH_PORT: auth.port: must be a whole number from 0 to 65535, not "0x50"',
    'MOONSTEAD_GATEWAY_HTTP_PRT: is not a setting; did you mean MOONSTEAD_GATEWAY_HTTP_PORT?',
    'MOONSTEAD_GATEWAY_KEYS: gateway.keys[0].key: is missing',
    'MOONSTEAD_GATEWAY_KEYS: gateway.keys[1].colour: is not a setting',
    'MOONSTEAD_GATEWAY_NOTHING_LIKE_IT_AT_ALL: is not a setting',
    'MOONSTEAD_MLS_REGION_HIERARCHY: region_hierarchy: must be a table',
    'MOONSTEAD_MLS_TOKENS: tokens: must be JSON (Invalid symbol)',
  ]);
});

test('variables of no section of ours are somebody else’s', () => {
  const { problems } = loadEnv({
    MOONSTEAD_: '1',
    MOONSTEAD_PORT: 'tcp://10.0.0.1:3333',
    MOONSTEAD_SERVICE_HOST: '10.0.0.1',
    MOONSTEAD_PORT_3333_TCP_ADDR: '10.0.0.1',
  });
  expect(problems).toEqual([]);
});
