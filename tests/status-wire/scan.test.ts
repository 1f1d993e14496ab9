import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpClient } from '../support/http.ts';
import { temporaryFolder, until } from '../support/moonstead.ts';
import { watchedVariable } from '../support/scan.ts';

const secret = 'distinctive-s3cret-of-a-key';
const issued = 'T0ken-Issued-By-The-Server-Of-This-Test-abc';

/** A server that leaks in every way there is: in the words of the path, and over sockets. */
const leaky = `
const secret = ${JSON.stringify(secret)};
const issued = ${JSON.stringify(issued)};
const ways = {
  '/clean': () => Response.json({ fine: secret.length }),
  '/json': () => Response.json({ deep: [{ key: secret }] }),
  '/text': () => new Response('it is ' + secret),
  '/later': async () => (await null, new Response(secret)),
  '/bytes': () => new Response(new TextEncoder().encode(secret)),
  '/header': () => new Response('', { headers: { 'X-Key': secret } }),
  '/escaped': () => new Response('/?key=' + encodeURIComponent(secret)),
  '/stream': () => new Response(new ReadableStream({
    start(it) { it.enqueue(secret.slice(0, 9)); it.enqueue(secret.slice(9)); it.close(); },
  })),
  '/pulled': () => new Response(new ReadableStream({
    pull(it) { it.enqueue(new TextEncoder().encode('data: ' + secret)); it.close(); },
  })),
  '/line': () => (process.stdout.write(secret + '\\n'), new Response('')),
  '/user-secret': () => new Response(JSON.parse('{"secret":"what-a-user-keeps"}').secret),
  '/said-token': () => (JSON.parse(JSON.stringify({ token: issued })), new Response(issued)),
  '/auth': () => Response.json({ token: issued }),
  '/auth/twice': () => Response.json({ token: issued }),
  '/token': () => new Response('it is\\n' + issued),
};
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  routes: { '/routed': () => new Response(secret) },
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (request.headers.has('upgrade')) return void server.upgrade(request, { data: { pathname } });
    return ways[pathname]();
  },
  websocket: {
    open(socket) { socket.subscribe('all'); },
    message(socket, how) {
      if (how === 'send') socket.send(secret);
      if (how === 'binary') socket.send(Buffer.from(secret));
      if (how === 'publish') server.publish('all', secret);
      if (how === 'peer') socket.publish('all', secret);
      if (how === 'ping') socket.ping(secret);
      socket.send('done');
      if (how === 'close') socket.close(4000, secret);
    },
  },
});
process.stdout.write('at ' + server.port + '\\n');
`;

const preload = join(import.meta.dir, '../support/scan-preload.ts');

async function startLeaky() {
  const folder = temporaryFolder();
  const report = join(folder, 'leaks.txt');
  const file = join(folder, 'leaky.ts');
  writeFileSync(file, leaky);
  const child = Bun.spawn([process.execPath, '--preload', preload, file], {
    env: { [watchedVariable]: JSON.stringify({ secrets: [['the key', secret]], report }) },
    stdout: 'pipe',
    stderr: 'inherit',
  });
  let output = '';
  void (async () => {
    for await (const bytes of child.stdout) output += new TextDecoder().decode(bytes);
  })();
  const port = Number(await until('its port', () => /^at (\d+)$/m.exec(output)?.[1]));
  return {
    port,
    report,
    get: (path: string) => HttpClient.ask(port, { path }).over(),
    /** What was found since the last time. */
    found(): string[] {
      const lines = existsSync(report) ? readFileSync(report, 'utf8').trim().split('\n') : [];
      rmSync(report, { force: true });
      return lines;
    },
    async end() {
      child.kill('SIGKILL');
      await child.exited;
      rmSync(folder, { recursive: true });
    },
  };
}

describe('the scan', () => {
  let fake: Awaited<ReturnType<typeof startLeaky>>;
  beforeEach(async () => {
    fake = await startLeaky();
  });
  afterEach(() => fake.end());

  test.each([
    ['/json', 'the key in GET /json'],
    ['/text', 'the key in GET /text'],
    ['/later', 'the key in GET /later'],
    ['/routed', 'the key in GET /routed'],
    ['/bytes', 'the key in GET /bytes'],
    ['/header', 'the key in the headers of GET /header'],
    ['/escaped', 'the key in GET /escaped'],
    ['/stream', 'the key in a stream'],
    ['/pulled', 'the key in a stream'],
    ['/line', 'the key in a line of output'],
    ['/user-secret', 'secret of a user in GET /user-secret'],
    ['/said-token', 'session token in GET /said-token'],
  ])('sees what an answer leaks: %s', async (path, leak) => {
    expect((await fake.get(path)).status).toBe(200);
    expect(fake.found()).toEqual([leak]);
  });

  test('reports a leak once, and nothing where there is none', async () => {
    expect((await fake.get('/clean')).status).toBe(200);
    expect(fake.found()).toEqual([]);
    for (let i = 0; i < 3; i++) expect((await fake.get('/json')).text).toContain(secret);
    expect(fake.found()).toEqual(['the key in GET /json']);
  });

  test('lets a token be in the answer that issues it, and nowhere else', async () => {
    expect((await fake.get('/token')).text).toContain(issued);
    expect(fake.found()).toEqual([]);
    expect((await fake.get('/auth')).json).toEqual({ token: issued });
    expect(fake.found()).toEqual([]);
    for (const path of ['/auth/twice', '/token']) {
      expect((await fake.get(path)).text).toContain(issued);
      expect(fake.found()).toEqual([`session token in GET ${path}`]);
    }
  });

  test.each([
    ['send', 'the key in a frame of /there'],
    ['binary', 'the key in a frame of /there'],
    ['ping', 'the key in a frame of /there'],
    ['publish', 'the key in a frame of a topic'],
    ['peer', 'the key in a frame of a topic'],
    ['close', 'the key in the reason of a close'],
  ])('sees what a socket leaks: %s', async (how, leak) => {
    const client = new WebSocket(`ws://127.0.0.1:${fake.port}/there`);
    let isOver = false;
    client.addEventListener('open', () => client.send(how));
    client.addEventListener('message', ({ data }) => (isOver ||= data === 'done'));
    await until('the answer', () => isOver);
    await until('the leak', () => existsSync(fake.report));
    expect(fake.found()).toEqual([leak]);
    client.close();
  });
});
