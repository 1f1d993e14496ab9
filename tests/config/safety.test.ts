import { afterEach, expect, test } from 'bun:test';
import { startWarnings, unsafeToStart } from '../../src/config/safety.ts';
import { problemText } from '../../src/config/problem.ts';
import { folderWith, loadEnv, loadIn, removeFolders } from './folder.ts';

afterEach(removeFolders);

/** With tokens that somebody made, unless the test is about them. */
function load(toml: string, mls: object = { tokens: ['somebody made this, too'] }) {
  const loaded = loadIn(folderWith({ 'config.toml': toml, 'mls.json': JSON.stringify(mls) }));
  expect(loaded.problems).toEqual([]);
  return loaded;
}

function unsafe(toml: string, mlsJson?: object): string[] {
  const { config, mls } = load(toml, mlsJson);
  return unsafeToStart(config, mls).map(problemText);
}

function warnings(toml: string, mlsJson?: object): string[] {
  const { config, mls } = load(`${toml}\n[auth]\nrequire_secret = true`, mlsJson);
  return startWarnings(config, mls);
}

const own = 'websocket = "somebody made this"';
const listed = '[[gateway.keys]]\nname = "a"\nkey = "a-long-random-text"';

test.each([
  '127.0.0.1',
  '127.9.9.9',
  '::1',
  '0:0::1',
  '::ffff:127.0.0.1',
  'localhost',
  'LOCALHOST',
])('the example key on %s may start, and that is said', (host) => {
  expect(unsafe(`[server]\nhost = "${host}"`)).toEqual([]);
  expect(warnings(`[server]\nhost = "${host}"`)).toEqual([
    'gateway.websocket: an example key that everybody knows, good for trying things out on ' +
      `${host}; make your own with \`moonstead init\`.`,
  ]);
});

test.each([
  '0.0.0.0',
  '::',
  '192.168.1.5',
  '128.0.0.1',
  'example.org',
  'localhost.example.org',
  '0',
  '127.1',
])('the example key on %s is refused, naming init', (host) => {
  expect(unsafe(`[server]\nhost = "${host}"`)).toEqual([
    'configuration: gateway.websocket: is an example key that everybody knows, ' +
      `with server.host = "${host}"; make your own with \`moonstead init\``,
  ]);
  expect(unsafe(`[server]\nhost = "${host}"\n[gateway]\n${own}`)).toEqual([]);
});

test("the relay's own host is what counts", () => {
  expect(unsafe('[server]\nhost = "0.0.0.0"\n[gateway]\nhost = "127.0.0.1"')).toEqual([]);
  const [problem] = unsafe('[gateway]\nhost = "0.0.0.0"');
  expect(problem).toContain('with gateway.host = "0.0.0.0"');
});

test('behind a proxy the example key is refused on loopback too', () => {
  const [problem, ...others] = unsafe('[server]\ntrusted_proxies = ["127.0.0.1"]');
  expect(problem).toContain('with server.trusted_proxies set');
  expect(others).toEqual([]);
  expect(unsafe(`[server]\ntrusted_proxies = ["127.0.0.1"]\n[gateway]\n${own}`)).toEqual([]);
});

test('a key copied from the example of [[gateway.keys]] is an example key', () => {
  const [problem, ...others] = unsafe(`[server]\nhost = "0.0.0.0"\n${listed}`);
  expect(problem).toContain('gateway.keys "a": is an example key');
  expect(others).toEqual([]);
  expect(unsafe(`[gateway]\nhost = "::"\nwebsocket = "gateway"\n${listed}`)).toHaveLength(2);
  const { config, mls } = loadEnv({
    MOONSTEAD_SERVER_HOST: '0.0.0.0',
    MOONSTEAD_MLS_TOKENS: '["t"]',
    MOONSTEAD_GATEWAY_KEYS: '[{"name": "a", "key": "gateway"}]',
  });
  expect(unsafeToStart(config, mls)).toHaveLength(1);
});

test.each([
  ['of the source document', {}],
  ['one of them beside others', { tokens: ['mine', 'supersecrettokenox1'] }],
])('example tokens of workers (%s) are refused in public, and told of on loopback', (_, mls) => {
  const [problem, ...others] = unsafe(`[server]\nhost = "0.0.0.0"\n[gateway]\n${own}`, mls);
  expect(problem).toContain('tokens: is an example key that everybody knows, with server.host');
  expect(others).toEqual([]);
  expect(unsafe(`[gateway]\nhost = "0.0.0.0"\n${own}`, mls)).toEqual([]);
  const [public_] = unsafe(`[gateway]\n${own}`, { ...mls, host: '0.0.0.0' });
  expect(public_).toContain(
    'tokens: is an example key that everybody knows, with host = "0.0.0.0"',
  );
  expect(warnings(`[gateway]\n${own}`, mls)).toEqual([
    'tokens: an example key that everybody knows, good for trying things out on 127.0.0.1; ' +
      'make your own with `moonstead init`.',
  ]);
});

test('that users without a secret can be impersonated is told, unless secrets are required', () => {
  const { config, mls } = load(`[gateway]\n${own}`);
  expect(startWarnings(config, mls)).toEqual([
    'auth.require_secret is off: who has bound no secret can be impersonated by anybody.',
  ]);
  expect(warnings(`[gateway]\n${own}`)).toEqual([]);
});

test('a message that would close its receiver as too slow is warned of', () => {
  expect(warnings(`[gateway]\n${own}\nbody_size = 8`)).toEqual([]);
  expect(warnings(`[gateway]\n${own}\nbody_size = 9`)).toEqual([
    'gateway.body_size (9MB) is above too_slow_bytes (8MB): ' +
      'a receiver of the largest message is closed as too slow.',
  ]);
});

const apiKey = '[[api.keys]]\nname = "a"\nkey = "a-long-random-text"\nrole = "read"';

test.each([
  [`[server]\nhost = "0.0.0.0"\n[gateway]\n${own}\n`, {}, 'server.host = "0.0.0.0"'],
  [`[api]\nhost = "0.0.0.0"\n[gateway]\n${own}\n`, {}, 'api.host = "0.0.0.0"'],
  // The status API can be read beside the tasks, too.
  [`[gateway]\n${own}\n`, { host: '0.0.0.0' }, 'host = "0.0.0.0"'],
])('the example key of the status API is refused beyond this machine: %s', (toml, more, where) => {
  const mls = { tokens: ['somebody made this, too'], ...more };
  expect(unsafe(toml + apiKey, mls)).toEqual([
    `configuration: api.keys "a": is an example key that everybody knows, with ${where}; ` +
      'make your own with `moonstead init`',
  ]);
  expect(unsafe(toml + apiKey.replace('a-long', 'another-long'), mls)).toEqual([]);
});

test('that nobody can read the status API, or the dashboard, is said', () => {
  const closed = (what: string, why: string) =>
    `api.keys: none, so nobody can read the ${what} (${why}).`;
  const beyond = `[gateway]\n${own}\n[api]\nhost = "192.0.2.1"\n`;
  expect(warnings(beyond)).toEqual([closed('status API', 'it is on 192.0.2.1')]);
  expect(warnings(`${beyond}public = true`)).toEqual([]);
  expect(warnings(beyond + apiKey.replace('a-long', 'another-long'))).toEqual([]);
  const tasksBeyond = { tokens: ['somebody made this, too'], host: '192.0.2.2' };
  expect(warnings(`[gateway]\n${own}`, tasksBeyond)).toEqual([
    closed('dashboard', 'it is on 192.0.2.2'),
  ]);
  const proxied = `[server]\ntrusted_proxies = ["10.0.0.1"]\n[gateway]\n${own}`;
  expect(warnings(proxied)).toEqual(
    ['status API', 'dashboard'].map((what) => closed(what, 'server.trusted_proxies is set')),
  );
});
