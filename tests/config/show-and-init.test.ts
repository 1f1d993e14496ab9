import { afterEach, describe, expect, test } from 'bun:test';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFreshFiles } from '../../src/config/init.ts';
import { relayKeys } from '../../src/config/relay-keys.ts';
import { unsafeToStart } from '../../src/config/safety.ts';
import { showConfig } from '../../src/config/show.ts';
import { folderWith, loadIn, removeFolders } from './folder.ts';

afterEach(removeFolders);

describe('what check prints', () => {
  const cwd = () =>
    folderWith({
      'cert.pem': '',
      'classified.pem': '',
      'config.toml':
        '[server.tls]\ncert = "cert.pem"\nkey = "classified.pem"\n[gateway]\nwebsocket = "classified-a"\n[[gateway.keys]]\nname = "a\\"b"\nkey = "classified-b"\nchannels = ["1*"]\n[[api.keys]]\nname = "c"\nkey = "classified-c"\nrole = "read"',
      'mls.json':
        '{"tokens": ["classified-d"], "task_keys": ["classified-e", "classified-f"], "region_hierarchy": {"a b": "c"}}',
    });

  test('is TOML with the effective values, and every secret hidden', () => {
    const loaded = loadIn(cwd(), { env: { MOONSTEAD_GATEWAY_PING_INTERVAL: '7s' } });
    expect(loaded.problems).toEqual([]);
    const text = showConfig(loaded);
    expect(text).not.toContain('classified');
    expect(Bun.TOML.parse(text)).toMatchObject({
      server: { tls: { cert: loaded.config.server.tls.cert, key: '***' }, log_level: 'info' },
      gateway: {
        websocket: '***',
        ping_interval: '7s',
        read_deadline: '60s',
        slow_bytes: '1MB',
        keys: [{ name: 'a"b', key: '***', channels: ['1*'] }],
      },
      api: { keys: [{ name: 'c', key: '***', role: 'read' }] },
      mls: {
        tokens: ['***'],
        task_keys: ['***', '***'],
        region_hierarchy: { 'a b': 'c' },
        ws: { read_timeout: '300s' },
      },
    });
  });

  test('says of each value that is no default where it was set', () => {
    const folder = cwd();
    const lines = showConfig(loadIn(folder, { flags: { host: '::1' } })).split('\n');
    expect(lines.slice(0, 2)).toEqual([
      `# config.toml: ${join(folder, 'config.toml')}`,
      `# mls.json: ${join(folder, 'mls.json')}`,
    ]);
    expect(lines).toContain('host = "::1" # --host');
    expect(lines).toContain(`websocket = "***" # ${join(folder, 'config.toml')}:5`);
    expect(lines).toContain('queue_max = 8');
  });

  test('stays on its lines whatever the values and the names of files are', () => {
    const folder = folderWith({ 'a\n[b]/config.toml': '[server]\ninstance_name = "\u202e\\"x"' });
    const loaded = loadIn(join(folder, 'a\n[b]'));
    expect(loaded.problems).toEqual([]);
    const text = showConfig(loaded);
    expect(text).not.toContain('\u202e');
    expect(Bun.TOML.parse(text)).toMatchObject({ server: { instance_name: '\u202e"x' } });
  });
});

describe('what init writes', () => {
  test('is a configuration that may face the world, readable by its owner alone', () => {
    const folder = join(folderWith(), 'new');
    const paths = [join(folder, 'config.toml'), join(folder, 'mls.json')];
    expect(writeFreshFiles(folder)).toEqual({ written: paths, kept: [] });
    expect(paths.map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
    const { config, mls, problems } = loadIn(folder, { flags: { host: '0.0.0.0' } });
    expect(problems).toEqual([]);
    expect(unsafeToStart(config, mls)).toEqual([]);
    const secrets = [...relayKeys(config).map(({ key }) => key), ...mls.tokens];
    expect(secrets).toEqual([
      expect.stringMatching(/^[\w-]{43}$/),
      expect.stringMatching(/^[\w-]{43}$/),
    ]);
    expect(new Set(secrets).size).toBe(2);
  });

  test('never overwrites: what is there is kept, what is missing is written', () => {
    const folder = folderWith({ 'config.toml': '# mine' });
    const [config, mls] = [join(folder, 'config.toml'), join(folder, 'mls.json')];
    expect(writeFreshFiles(folder)).toEqual({ written: [mls], kept: [config] });
    expect(readFileSync(config, 'utf8')).toBe('# mine');
    writeFileSync(mls, '{}');
    expect(writeFreshFiles(folder)).toEqual({ written: [], kept: [config, mls] });
    expect(readFileSync(mls, 'utf8')).toBe('{}');
  });

  test('is different every time', () => {
    const [a, b] = [folderWith(), folderWith()];
    writeFreshFiles(a);
    writeFreshFiles(b);
    for (const name of ['config.toml', 'mls.json']) {
      expect(readFileSync(join(a, name), 'utf8')).not.toBe(readFileSync(join(b, name), 'utf8'));
    }
  });
});
