import { afterAll, beforeAll, expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json';
import { HttpClient } from '../support/http.ts';
import { Moonstead, program, temporaryFolder, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';

let server: Moonstead;
beforeAll(async () => {
  server = await Moonstead.start({ toml: '[server]\ninstance_name = "the-harbour"' });
});
afterAll(() => server.stop());

const ask = (path: string, method = 'GET') => HttpClient.ask(server.port, { path, method }).over();

/** The samples of `/metrics` by their names with labels, and the kind of each metric. */
function readMetrics(text: string) {
  const kinds = new Map<string, string>();
  const helped = new Set<string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, about, name, rest] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? [];
    if (about === 'HELP') helped.add(name!);
    else if (about === 'TYPE') kinds.set(name!, rest!);
    else if (line !== '') {
      const [, sample, value] = /^([a-z_]+(?:\{[^}]*\})?) (\S+)$/.exec(line)!;
      expect([line, Number.isFinite(Number(value)), samples.has(sample!)]).toEqual([
        line,
        true,
        false,
      ]);
      samples.set(sample!, Number(value));
    }
  }
  expect([...helped]).toEqual([...kinds.keys()]);
  return { kinds, samples };
}

test('every page that reads is JSON that nobody keeps, on both listeners, whatever the query', async () => {
  for (const path of ['/stats', '/uptime', '/version', '/ping', '/logs', '/events/recent'])
    for (const prefix of ['', '/api']) {
      const answer = await ask(`${prefix}${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(answer.headers['content-type']).toStartWith('application/json');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      const head = await ask(`${prefix}${path}`, 'HEAD');
      expect([path, head.status, head.text]).toEqual([path, 200, '']);
    }
});

test('bots of today find what they look for', async () => {
  const { version } = packageJson;
  const started = (await ask('/stats')).json.started_at;
  expect((await ask('/version')).json).toEqual({
    version,
    lastUpdated: started,
    rawData: version,
    parsedData: version,
  });
  expect((await ask('/ping')).json).toEqual({ status: 'ok', latency_ms: expect.any(Number) });
  expect((await ask('/uptime')).json).toEqual({
    uptime: expect.stringMatching(/^\d\d\.\d\d:\d\d:\d\d$/),
    uptime_seconds: expect.any(Number),
    started_at: started,
  });
});

test('the numbers tell of the whole program and of each part, and follow what happens', async () => {
  const stats = async () => (await ask('/stats')).json;
  const { parts, ...about } = await stats();
  expect(about).toMatchObject({ version: packageJson.version, instance: 'the-harbour' });
  expect(Object.keys(parts).sort()).toEqual(
    ['players', 'relay', 'server', 'sessions', 'status', 'tasks'].sort(),
  );
  for (const numbers of Object.values<object>(parts))
    for (const value of Object.values(numbers).flatMap((one) =>
      typeof one === 'object' ? Object.values(one) : [one],
    ))
      expect(Number.isFinite(value)).toBeTrue();
  expect(parts.server).toMatchObject({ sockets: 0, store_trouble: 0 });
  expect(parts.server.resident_memory_bytes).toBeGreaterThan(10_000_000);
  const mod = await RawClient.mod(server.port);
  expect((await stats()).parts.server.sockets).toBe(1);
  mod.destroy();
  await until('its end', async () => (await stats()).parts.server.sockets === 0);
});

test('the metrics are those numbers, named and typed as Prometheus wants them', async () => {
  const mod = await RawClient.mod(server.port, {}, 'a-server-of-its-own', 'a-channel-of-its-own');
  const { parts } = (await ask('/stats')).json;
  const answer = await ask('/metrics');
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const { kinds, samples } = readMetrics(answer.text);
  for (const [part, numbers] of Object.entries<Record<string, unknown>>(parts))
    for (const [name, value] of Object.entries(numbers)) {
      const metric = `moonstead_${part}_${name}`;
      expect([metric, kinds.get(metric)]).toEqual([
        metric,
        name.endsWith('_total') ? 'counter' : 'gauge',
      ]);
      const labelled = [...samples.keys()].filter((one) => one.startsWith(`${metric}{`));
      if (typeof value === 'number') expect([metric, samples.has(metric)]).toEqual([metric, true]);
      else expect(labelled.length).toBe(Object.keys(value as object).length);
    }
  for (const [name, kind] of kinds) {
    expect(name).toStartWith('moonstead_');
    if (kind !== 'histogram') continue;
    expect(name).toEndWith('_seconds');
  }
  for (const sample of samples.keys()) expect(sample).toStartWith('moonstead_');
  // Whoever is there is no label: a server of a thousand channels has as many lines.
  expect(answer.text).not.toMatch(/a-server-of-its-own|a-channel-of-its-own|127\.0\.0\.1/);
  expect(kinds.get('moonstead_store_commit_seconds')).toBe('histogram');
  mod.destroy();
});

test('what is written shows as the time that it took', async () => {
  const count = async () =>
    readMetrics((await ask('/metrics')).text).samples.get('moonstead_store_commit_seconds_count')!;
  const before = await count();
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ type: 'auth', userId: 'ada' });
  expect((await fetch(`${server.http}/auth`, { method: 'POST', headers, body })).status).toBe(200);
  await until('the commit', async () => (await count()) > before);
});

test('what is at no path is 404, in the words of every error, and shows nothing of the inside', async () => {
  const strange = [
    ...['/nothing', '/api', '/api/', '/api/nothing', '/api/api/stats', '/STATS', '//stats'],
    ...['/stats/more', '/%zz', '/%00', '/../src/main.ts', '/..%2fsrc%2fmain.ts', '/package.json'],
    ...['/logs;limit=1', '/__proto__', '/constructor', '/api/health'],
  ];
  for (const path of strange)
    for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'PROPFIND']) {
      const answer = await ask(path, method);
      expect([method, path, answer.status]).toEqual([method, path, 404]);
      expect(answer.json).toEqual({
        error: { code: 'not_found', message: 'There is nothing at this path.' },
      });
    }
  for (const path of ['/stats', '/logs', '/api/metrics', '/live'])
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      expect([path, (await ask(path, method)).status]).toEqual([path, 404]);
});

/** A server whose numbers cannot be read. */
async function startFaulty(folder: string) {
  const fault = join(folder, 'fault.ts');
  writeFileSync(
    fault,
    `import { memoryUsage } from 'node:process';
    memoryUsage.rss = () => { throw new Error('an inner fault'); };`,
  );
  const [bun, ...main] = program;
  const words = ['start', '--port', '0', '--data-dir', join(folder, 'data')];
  const child = Bun.spawn([bun!, '--preload', fault, ...main, ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdout: 'pipe',
    stderr: 'inherit',
  });
  let output = '';
  void (async () => {
    for await (const bytes of child.stdout) output += new TextDecoder().decode(bytes);
  })();
  const port = await until('its port', () => /^relay\b.*:(\d+)$/m.exec(output)?.[1]);
  return { child, port: Number(port), output: () => output };
}

test.skipIf(process.env.MOONSTEAD_BINARY !== undefined)(
  'a fault of ours is 500 without a word of the inside, and only the output has its stack',
  async () => {
    const folder = temporaryFolder();
    const { child, port, output } = await startFaulty(folder);
    try {
      for (const path of ['/stats', '/api/stats', '/metrics']) {
        const answer = await HttpClient.ask(port, { path }).over();
        expect([path, answer.status]).toEqual([path, 500]);
        expect(answer.json).toEqual({
          error: { code: 'internal', message: 'Something went wrong here.' },
        });
      }
      await until('its stack', () => output().includes('"stack"'));
      const logs = await HttpClient.ask(port, { path: '/logs?level=error' }).over();
      expect(logs.json.items.length).toBe(3);
      expect(logs.json.items[0]).toMatchObject({
        event: 'fault',
        message: 'Error: an inner fault',
      });
      expect(logs.text).not.toMatch(/stack|\.ts|\.m?js|node_modules/);
    } finally {
      child.kill('SIGTERM');
      expect(await child.exited).toBe(0);
      rmSync(folder, { recursive: true });
    }
  },
);
