import { afterEach, beforeEach, expect, test } from 'bun:test';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json';
import { Moonstead, program, temporaryFolder, until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { modMessage, RelayClient } from '../support/relay-client.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the program to its end in a fresh folder. */
async function run(...args: string[]) {
  const child = Bun.spawn([...program, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

test('version is the one of package.json, and help fits a screen', async () => {
  expect(await run('version')).toEqual({ code: 0, out: `${packageJson.version}\n`, err: '' });
  const { code, out } = await run('help');
  expect(code).toBe(0);
  expect(out.split('\n').length).toBeLessThan(25);
});

test.each(['strat', 'start more', '--prot 5', '--port'])(
  'a wrong word or flag is told, with the help: %s',
  async (words) => {
    const { code, err } = await run(...words.split(' '));
    expect(code).toBe(64);
    expect(err).toContain('moonstead check');
  },
);

test('check shows the values in force without secrets, and every problem at once', async () => {
  writeFileSync(join(folder, 'config.toml'), '[gateway]\nwebsocket = "my-secret"\nqueue_max = 9\n');
  const good = await run('check');
  expect(good.code).toBe(0);
  expect(good.out).toContain('queue_max = 9');
  expect(good.out).not.toContain('my-secret');
  writeFileSync(
    join(folder, 'config.toml'),
    '[gateway]\nqueue_mix = 9\nbody_size = -1\n[servr]\nhost = "x"\n',
  );
  const bad = await run('check');
  expect(bad.code).toBe(1);
  expect(bad.err).toMatch(/config\.toml:2: gateway\.queue_mix: .*queue_max/);
  expect(bad.err).toMatch(/config\.toml:3: gateway\.body_size/);
  expect(bad.err).toMatch(/config\.toml:4: servr: .*server/);
});

test('a start with problems, or with the example key in public, is refused', async () => {
  const open = await run('start', '--host', '0.0.0.0', '--port', '0');
  expect(open.code).toBe(1);
  expect(open.err).toContain('moonstead init');
  writeFileSync(join(folder, 'config.toml'), 'queue_max = 9');
  expect(await run('start')).toMatchObject({ code: 1, out: '' });
});

test('init writes both files once, for the owner only, and they start a server', async () => {
  const first = await run('init');
  expect(first).toMatchObject({ code: 0, err: '' });
  for (const file of ['config.toml', 'mls.json'])
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  expect((await run('init')).out).toContain('kept');
  const { code, err } = await run('check', '--host', '0.0.0.0');
  expect([code, err]).toEqual([0, '']);
});

test('a second server on the same data folder is refused, and the first goes on', async () => {
  const server = await Moonstead.start();
  const second = await run('start', '--data-dir', join(server.folder, 'data'), '--port', '0');
  expect(second.code).toBe(1);
  expect(second.err).toContain(join(server.folder, 'data'));
  const mod = await RelayClient.mod(server.sync());
  mod.say(modMessage('still'));
  expect(await mod.next()).toMatchObject({ status: 'queued' });
  await server.stop();
});

test('a port that is taken is told, and the data folder is free again', async () => {
  const server = await Moonstead.start();
  const second = await run('start', '--port', String(server.port));
  expect(second.code).toBe(1);
  expect(second.err).toContain(String(server.port));
  const third = await Moonstead.start({ folder });
  expect(await third.stop()).toBe(0);
  await server.stop();
});

test('flag over environment over file over default', async () => {
  const toml = '[gateway]\nwebsocket = "from-file"\nqueue_max = 1\nbody_size = 1\n';
  const env = { MOONSTEAD_GATEWAY_WEBSOCKET: 'from-env', MOONSTEAD_GATEWAY_HTTP_PORT: '1' };
  const server = await Moonstead.start({ toml, env });
  expect(server.port).toBeGreaterThan(1);
  const mod = await RelayClient.mod(server.sync('from-env'));
  await expect(RelayClient.open(server.sync('from-file'))).rejects.toThrow('refused');
  await mod.close();
  await server.stop();
});

test('health and readiness answer on the listener, and what is not there is 404 in JSON', async () => {
  const server = await Moonstead.start();
  const get = async (path: string) => {
    const answer = await fetch(server.http + path);
    return [answer.status, await answer.json()];
  };
  expect(await get('/health')).toEqual([200, { status: 'healthy' }]);
  expect(await get('/ready')).toEqual([200, { status: 'ready' }]);
  expect(await get('/nothing')).toEqual([
    404,
    { error: { code: 'not_found', message: 'There is nothing at this path.' } },
  ]);
  await server.stop();
});

test('while it stops, readiness and new upgrades are 503, and health is still 200', async () => {
  const server = await Moonstead.start({ toml: '[server]\ndrain_timeout = "20s"\n' });
  const mod = await RelayClient.mod(server.sync());
  // A bot that answers no ping makes the stop wait a second for its receipt.
  const mute = await RawClient.bot(server.port, { key: 'gateway', pongs: false });
  mod.say(modMessage('unconfirmed'));
  await mod.next(({ status }) => status === 'completed');
  server.signal('SIGTERM');
  const ready = await until('the drain to begin', async () => {
    const answer = await fetch(`${server.http}/ready`);
    return answer.status === 503 ? answer : undefined;
  });
  expect(await ready.json()).toEqual({ status: 'not ready', reason: 'stopping' });
  expect((await fetch(`${server.http}/health`)).status).toBe(200);
  const late = await RawClient.ask(server.port, { key: 'gateway' });
  expect(late.status).toBe(503);
  expect((await mod.ended()).code).toBe(1001);
  expect(await server.stop()).toBe(0);
  mute.destroy();
});

test('SIGHUP ends nothing', async () => {
  const server = await Moonstead.start();
  const mod = await RelayClient.mod(server.sync());
  server.signal('SIGHUP');
  await until('the signal', () => server.output.includes('SIGHUP'));
  mod.say(modMessage('still'));
  expect(await mod.next()).toMatchObject({ status: 'queued' });
  await server.stop();
});

test('a setting that limits the log limits it', async () => {
  const server = await Moonstead.start({ toml: '[server]\nlog_level = "error"\n' });
  await (await RelayClient.mod(server.sync())).close();
  await server.stop();
  expect(server.events).toEqual([]);
});

test('a reader of the log that goes away takes nothing with it', async () => {
  const child = Bun.spawn([...program, 'start', '--port', '0', '--data-dir', join(folder, 'd')], {
    cwd: folder,
    env: { PATH: process.env.PATH },
    stdout: 'pipe',
    stderr: 'ignore',
  });
  const reader = child.stdout.getReader();
  let text = '';
  while (!/:\d+\n/.test(text)) text += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  const port = Number(/relay tasks sessions players status http:\/\/.*:(\d+)/.exec(text)![1]);
  for (let i = 0; i < 20; i++) {
    const refused = await RawClient.ask(port, { key: 'wrong' });
    expect(refused.status).toBe(401);
    refused.destroy();
  }
  child.kill('SIGTERM');
  expect(await child.exited).toBe(0);
});

test('an IPv6 address is a URL with brackets', async () => {
  const server = await Moonstead.start({ args: ['--host', '::1'] });
  expect(server.output.split('\n')).toContain(
    `relay tasks sessions players status http://[::1]:${server.port}`,
  );
  expect((await fetch(`http://[::1]:${server.port}/health`)).status).toBe(200);
  await server.stop();
});

const hasOpenssl = Bun.which('openssl') !== null;
test.skipIf(!hasOpenssl)(
  `TLS: https and wss on the same port${hasOpenssl ? '' : ' (skipped: needs openssl)'}`,
  async () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const subject = ['-subj', '/CN=localhost', '-days', '1', '-keyout', key, '-out', cert];
    expect(Bun.spawnSync(['openssl', 'req', ...options, ...subject]).exitCode).toBe(0);
    const server = await Moonstead.start({
      toml: `[server.tls]\ncert = ${JSON.stringify(cert)}\nkey = ${JSON.stringify(key)}\n`,
    });
    expect(server.output.split('\n')).toContain(
      `relay tasks sessions players status https://127.0.0.1:${server.port}`,
    );
    const tls = { rejectUnauthorized: false };
    const answer = await fetch(server.http.replace('http', 'https') + '/health', { tls });
    expect(answer.status).toBe(200);
    const socket = new WebSocket(server.sync().replace('ws:', 'wss:'), { tls } as never);
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.onmessage = ({ data }) => resolve(data);
    socket.onopen = () => socket.send('{"type":"bot","data":{"bot_id":"b"}}');
    expect(await promise).toBe('{"status":"connected","type":"bot"}');
    socket.close();
    await server.stop();
  },
);
