import { afterEach, describe, expect, test } from 'bun:test';
import { Check } from '@sinclair/typebox/value';
import { join } from 'node:path';
import { problemText } from '../../src/config/problem.ts';
import { defaultMls, mlsSchema } from '../../src/config/mls.ts';
import { configSchema, defaultConfig } from '../../src/config/schema.ts';
import { partAddress } from '../../src/config/listeners.ts';
import { folderWith, loadIn, loadToml, removeFolders, told } from './folder.ts';

afterEach(removeFolders);

describe('where settings come from', () => {
  test('without files, flags and variables every setting has its default', () => {
    const folder = folderWith();
    const { config, mls, problems, files, origins } = loadIn(folder);
    const expected = defaultConfig();
    expected.server.data_dir = join(folder, 'data');
    expect({ config, mls, problems }).toEqual({
      config: expected,
      mls: defaultMls(),
      problems: [],
    });
    expect(files).toEqual({ config: undefined, mls: undefined });
    expect(origins.size).toBe(0);
    expect(Check(configSchema, config)).toBe(true);
    expect(Check(mlsSchema, mls)).toBe(true);
  });

  test('a flag is over the environment, that over the file, that over the default', () => {
    const cwd = folderWith({
      'config.toml': '[server]\nhost = "10.0.0.1"\ninstance_name = "file"\nlog_level = "warn"',
    });
    const env = { MOONSTEAD_SERVER_HOST: '10.0.0.2', MOONSTEAD_SERVER_INSTANCE_NAME: 'variable' };
    const { config, origins, problems } = loadIn(cwd, { flags: { host: '10.0.0.3' }, env });
    expect(problems).toEqual([]);
    expect(config.server).toMatchObject({
      host: '10.0.0.3',
      instance_name: 'variable',
      log_level: 'warn',
      journal_events: 10_000,
    });
    expect(Object.fromEntries(origins)).toEqual({
      'server.host': '--host',
      'server.instance_name': 'MOONSTEAD_SERVER_INSTANCE_NAME',
      'server.log_level': `${join(cwd, 'config.toml')}:4`,
    });
  });

  test('the working folder is looked into before /etc, and both after a flag', () => {
    const cwd = folderWith({
      'here.toml': '[api]\nport = 1',
      'config.toml': '[api]\nport = 2',
      'etc/moonstead/config.toml': '[api]\nport = 3',
      'etc/moonlight/mls.json': '{"port": 4}',
    });
    expect(loadIn(cwd, { flags: { config: 'here.toml' } }).config.api.port).toBe(1);
    const { config, mls, files } = loadIn(cwd);
    expect([config.api.port, mls.port]).toEqual([2, 4]);
    expect(files).toEqual({
      config: join(cwd, 'config.toml'),
      mls: join(cwd, 'etc/moonlight/mls.json'),
    });
  });

  test('/etc is used when the working folder has no file', () => {
    const cwd = folderWith({ 'etc/moonstead/config.toml': '[api]\nport = 3' });
    expect(loadIn(cwd).config.api.port).toBe(3);
  });

  test('a file that a flag names must exist', () => {
    const { problems } = loadIn(folderWith(), { flags: { config: 'no.toml', mls: 'no/mls.json' } });
    expect(problems.map(problemText)).toEqual([
      '--config: there is no file no.toml',
      '--mls: there is no file no/mls.json',
    ]);
  });

  test('--port sets the port of every part, and with 0 they share one', () => {
    const { config, mls, problems } = loadIn(folderWith(), { flags: { port: '0' } });
    expect(problems).toEqual([]);
    expect(config.sharedPort).toBe(true);
    const parts = ['relay', 'tasks', 'sessions', 'players', 'status'] as const;
    for (const part of parts) {
      expect(partAddress(part, config, mls)).toEqual({ host: '127.0.0.1', port: 0 });
    }
  });

  test('port 0 in a file is a free port for that part alone', () => {
    const { config } = loadToml('[gateway]\nhttp_port = 0\n[auth]\nport = 0');
    expect([config.sharedPort, config.gateway.http_port, config.auth.port]).toEqual([false, 0, 0]);
  });

  test('a wrong flag is one problem, however many settings it stands for', () => {
    const { problems } = loadIn(folderWith(), { flags: { port: '70000', host: '[::1]' } });
    expect(problems.map(problemText)).toEqual([
      '--host: must be an address or a name, such as "0.0.0.0" or "::1"',
      '--port: must be a whole number from 0 to 65535, not 70000',
    ]);
  });

  test('the sessions listen beside the tasks unless they have a port of their own', () => {
    const cwd = folderWith({
      'config.toml': '[server]\nhost = "::1"\n[api]\nhost = "127.0.0.2"',
      'mls.json': '{"port": 81, "host": "127.0.0.3"}',
    });
    const { config, mls } = loadIn(cwd);
    expect(partAddress('relay', config, mls)).toEqual({ host: '::1', port: 3333 });
    expect(partAddress('sessions', config, mls)).toEqual({ host: '127.0.0.3', port: 81 });
    expect(partAddress('status', config, mls)).toEqual({ host: '127.0.0.2', port: 5000 });
    config.auth.port = 82;
    expect(partAddress('sessions', config, mls)).toEqual({ host: '127.0.0.3', port: 82 });
  });

  test('relative paths begin in the working folder', () => {
    const cwd = folderWith({ 'cert.pem': '', 'key.pem': '' });
    const env = { MOONSTEAD_SERVER_TLS_CERT: 'cert.pem', MOONSTEAD_SERVER_TLS_KEY: 'key.pem' };
    const { config, problems } = loadIn(cwd, { flags: { 'data-dir': 'deep/data' }, env });
    expect(problems).toEqual([]);
    expect(config.server.data_dir).toBe(join(cwd, 'deep/data'));
    expect(config.server.tls).toEqual({ cert: join(cwd, 'cert.pem'), key: join(cwd, 'key.pem') });
  });
});

describe('what is refused', () => {
  test('everything that is wrong is told at once, with file, line and key', () => {
    const cwd = folderWith({
      'config.toml': [
        'queue_max = 3',
        '[server]',
        'data-dir = "x"',
        'log_level = "loud"',
        '[gateway]',
        'http_port = "3333"',
        'queue_max = 10001',
        'ping_interval = 30',
        'slow_bytes = "1 MB"',
        '[gatevay]',
        '[[gateway.keys]]',
        'key = "k"',
        'rle = "mod"',
        '[api]',
        'public = "yes"',
        'keys = 5',
      ].join('\n'),
      'mls.json': '{"retry_count": 1.5,\n"ws": [],\n"tokens": ["", 7]}',
    });
    const { problems } = loadIn(cwd, { env: { MOONSTEAD_PLAYERS_PORT: 'x' } });
    expect(problems.map((problem) => problemText(problem).replace(`${cwd}/`, ''))).toEqual([
      'config.toml:1: queue_max: is not a setting; did you mean "gateway.queue_max"?',
      'config.toml:3: server.data-dir: is not a setting; did you mean "data_dir"?',
      'config.toml:4: server.log_level: must be one of "debug", "info", "warn", "error", not "loud"',
      'config.toml:6: gateway.http_port: must be a whole number from 0 to 65535, not "3333"',
      'config.toml:7: gateway.queue_max: must be a whole number from 0 to 10000, not 10001',
      'config.toml:8: gateway.ping_interval: must be a duration such as "30s", from 1ms to 1d, not 30',
      'config.toml:9: gateway.slow_bytes: must be a size such as "2MB", from 1B to 1GB, not "1 MB"',
      'config.toml:10: gatevay: is not a setting; did you mean "gateway"?',
      'config.toml:11: gateway.keys[0].name: is missing',
      'config.toml:13: gateway.keys[0].rle: is not a setting; did you mean "role"?',
      'config.toml:15: api.public: must be true or false, not "yes"',
      'config.toml:16: api.keys: must be a list',
      'mls.json:1: retry_count: must be a whole number from 0 to 100, not 1.5',
      'mls.json:2: ws: must be a table',
      'mls.json:3: tokens[0]: must not be empty',
      'mls.json:3: tokens[1]: must be text',
      'MOONSTEAD_PLAYERS_PORT: players.port: must be a whole number from 0 to 65535, not "x"',
    ]);
  });

  test('a value that is refused has its default, so that the rest can be shown', () => {
    const { config } = loadToml('[gateway]\nqueue_max = -1\nbody_size = 3');
    expect(config.gateway).toMatchObject({ queue_max: 8, body_size: 3 });
  });

  test('a wrong value in the file is told although a variable is over it', () => {
    const cwd = folderWith({ 'config.toml': '[api]\nport = -1' });
    const loaded = loadIn(cwd, { env: { MOONSTEAD_API_PORT: '80' } });
    expect(told(loaded)).toEqual(['2 api.port: must be a whole number from 0 to 65535, not -1']);
  });

  test.each([
    ['[server]\nhost = ""', '2 server.host: must not be empty'],
    ['[server]\nhost = "a\\u001b[2Jb"', '2 server.host: must not contain control characters'],
    ['[server]\ndata_dir = ""', '2 server.data_dir: must not be empty'],
    ['[server]\ninstance_name = ""', '2 server.instance_name: must have 1 to 128 characters'],
    [
      '[server]\ntrusted_proxies = [\n"10.0.0.0/8",\n"10.0.0.0/33"]',
      '4 server.trusted_proxies[1]: must be an address or a network such as "10.0.0.0/8"',
    ],
    [
      '[server]\nallowed_origins = ["https://example.org/"]',
      '2 server.allowed_origins[0]: must be an origin such as "https://example.org"',
    ],
    [
      '[server]\nallowed_hosts = ["http://x"]',
      '2 server.allowed_hosts[0]: must be a host name, with or without a port',
    ],
    [
      '[gateway]\nrate_limit = nan',
      '2 gateway.rate_limit: must be a number from 0 to 1000000, not NaN',
    ],
    ['[gateway]\nhost = 1979-05-27', /^2 gateway\.host: must be text, not .*1979/],
    ['[[gateway.keys]]\nname = "a"\nkey = ""', '3 gateway.keys[0].key: must not be empty'],
    [
      '[[gateway.keys]]\nname = "a"\nkey = "k"\nchannels = []',
      '4 gateway.keys[0].channels: must have 1 to 1000 items',
    ],
    [
      '[[api.keys]]\nname = "a"\nkey = "k"\nrole = "root"',
      '4 api.keys[0].role: must be one of "read", "admin", not "root"',
    ],
    [
      '[gateway]\nbody_size = 99999999999999999999',
      /^2 gateway\.body_size: must be a whole number/,
    ],
  ])('%j', (toml, problem) => {
    const [only, ...others] = told(loadToml(toml));
    expect(others).toEqual([]);
    if (typeof problem === 'string') expect(only).toBe(problem);
    else expect(only).toMatch(problem);
  });

  test('no message says what a secret is', () => {
    const secret = 'hunter2-hunter2';
    const cwd = folderWith({
      'config.toml': `[gateway]\nwebsocket = ["${secret}"]\n[[gateway.keys]]\nname = "a"\nkey = "${secret} "\n[[api.keys]]\nname = "b"\nkey = { x = "${secret}" }\nrole = "read"`,
      'mls.json': `{"tokens": ["${secret} "], "task_keys": "${secret}"}`,
    });
    const env = { MOONSTEAD_MLS_TOKENS: `["${secret}`, MOONSTEAD_GATEWAY_WEBSOCKET: `${secret} ` };
    const { problems } = loadIn(cwd, { env });
    expect(problems).toHaveLength(7);
    expect(problems.map(problemText).join('\n')).not.toContain('hunter2');
  });
});
