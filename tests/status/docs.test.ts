import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Elysia } from 'elysia';
import { dashboardRoutes } from '../../src/dashboard-part.ts';
import { defaultMls } from '../../src/config/mls.ts';
import { defaultConfig } from '../../src/config/schema.ts';
import { operation } from '../../src/openapi.ts';
import type { Crossing, Part, Whole } from '../../src/part.ts';
import { playersPart } from '../../src/players-part.ts';
import { relayPart } from '../../src/relay-part.ts';
import { sessionsPart } from '../../src/sessions-part.ts';
import { Sockets } from '../../src/sockets/accept.ts';
import { urlsFor } from '../../src/status/docs-places.ts';
import { Journal } from '../../src/status/journal.ts';
import { Metrics } from '../../src/status/metrics.ts';
import { healthOperation } from '../../src/status/operations.ts';
import { statusPart } from '../../src/status-part.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { tasksPart } from '../../src/tasks-part.ts';
import { temporaryFolder } from '../support/moonstead.ts';
import { type Documented, faultsOf, operationsOf } from './documented.ts';

const dataFolder = temporaryFolder();
const ports = { relay: 3333, tasks: 8080, sessions: 8080, players: 6000, status: 5000 };
let parts: Part[];
let document: any;
let everyOperation: Map<string, Documented>;
let close: () => Promise<void>;

/** Every part as the program makes it, each with a port, and nobody listening. */
async function makeParts(): Promise<Part[]> {
  const store = await openSqliteStore({ folder: dataFolder, onEvent() {}, onCommit() {} });
  const metrics = new Metrics();
  const config = defaultConfig();
  config.server.data_dir = dataFolder;
  const crossing: Crossing = {};
  const sockets = new Sockets({ total: 1, perAddress: 1 }, () => {});
  const mls = defaultMls();
  const log = () => {};
  const self = { version: '1.2.3', instance: 'here', startedWallMs: 0, nowWallMs: () => 0 };
  const { timing } = metrics;
  const whole: Whole = { config, mls, store, sockets, log, crossing, timing, self };
  const made: Part[] = [];
  for (const make of [relayPart, tasksPart, sessionsPart, playersPart])
    made.push(await make(whole));
  const everywhere = new Elysia().get('/health', 'yes', operation(healthOperation));
  const status = await statusPart({
    ...whole,
    parts: [...made],
    own: { meters: [] },
    lagMs: () => 0,
    journal: new Journal(10, 'j'),
    metrics,
    everywhere: everywhere as unknown as Elysia,
    dashboard: dashboardRoutes(mls),
  });
  made.push(status);
  for (const { name, served } of made)
    served.bind({ port: ports[name], protocol: 'http' } as never);
  close = async () => {
    for (const part of made) await part.drain(0);
    await store.close();
  };
  return made;
}

async function documentFor(host: string): Promise<any> {
  const request = new Request('http://localhost/swagger/json', { headers: { Host: host } });
  return (await parts.find(({ name }) => name === 'status')!.app.handle(request)).json();
}

beforeAll(async () => {
  parts = await makeParts();
  document = await documentFor('moon.example:5000');
  everyOperation = operationsOf(document);
});

afterAll(async () => {
  await close();
  rmSync(dataFolder, { recursive: true, force: true });
});

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect(errors).toBeUndefined();
    expect(valid).toBeTrue();
    expect(document.openapi).toStartWith('3.1');
    expect(document.info.version).toBe('1.2.3');
  });

  test('has every route of every part, and no other', () => {
    const isShown = ({ hooks }: { hooks: any }) => hooks?.detail?.hide !== true;
    const named = (method: string, path: string) =>
      `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`;
    // Of what a part has on another's listener the first has the same paths below /api.
    const apps = parts.flatMap(({ app, beside }) => [app, ...(beside?.apps.slice(1) ?? [])]);
    const routes = apps.flatMap((app) =>
      app.routes.filter(isShown).map(({ method, path }) => named(method, path)),
    );
    const known = [...new Set(['get /health', ...routes])];
    expect([...everyOperation.keys()].sort()).toEqual(known.sort());
    for (const name of ['get /sync', 'get /ws', 'get /auth', 'post /auth', 'get /player'])
      expect(known).toContain(name);
  });

  test('leaves out the files of its page, and nothing else', () => {
    const hidden = parts.flatMap(({ app }) =>
      app.routes.filter(({ hooks }) => (hooks as any)?.detail?.hide).map(({ path }) => path),
    );
    expect(hidden.filter((path) => !/^\/swagger\/[\w-]+\.(?:css|js|png)$/.test(path))).toEqual([]);
  });

  test('says where what only reads is beside the tasks', () => {
    const tasks = parts.find(({ beside }) => beside !== undefined)!;
    const missing = tasks.beside!.apps[0]!.routes.filter(({ method, path }) => {
      const found = everyOperation.get(`${method.toLowerCase()} ${path.slice('/api'.length)}`);
      return !found?.servers?.some(({ url }) => url === 'http://moon.example:8080/api');
    });
    expect(missing.map(({ path }) => path)).toEqual([]);
  });

  test('tells each operation’s listener by the name that its reader knows', async () => {
    const urlsOf = (of: Map<string, Documented>, name: string) =>
      of.get(name)!.servers?.map(({ url }) => url);
    expect(document.servers).toEqual([{ url: 'http://moon.example:5000' }]);
    expect(urlsOf(everyOperation, 'get /swagger')).toBeUndefined();
    expect(urlsOf(everyOperation, 'get /sync')).toEqual(['http://moon.example:3333']);
    expect(urlsOf(everyOperation, 'post /auth')).toEqual(['http://moon.example:8080']);
    expect(urlsOf(everyOperation, 'get /player')).toEqual(['http://moon.example:6000']);
    expect(everyOperation.get('get /sync')!.description).toContain('`ws://moon.example:3333/sync`');
    expect(everyOperation.get('get /region')!.description).toBe(
      'At `http://moon.example:8080/region`',
    );
    expect(urlsOf(everyOperation, 'get /health')).toEqual(
      [5000, 3333, 8080, 6000].map((port) => `http://moon.example:${port}`),
    );
    const proxied = await documentFor('status.moon.example');
    expect(proxied.servers).toEqual([{ url: '/' }]);
    expect(urlsOf(operationsOf(proxied), 'get /sync')).toEqual(['http://status.moon.example:3333']);
  });

  test('a Host that is none leads to localhost', () => {
    const own = { server: { port: 5000, protocol: 'http' } };
    for (const host of [null, '', 'a b', '"><script>', 'x:y', '[::1'])
      expect(urlsFor(host, own)({ server: { port: 80, protocol: 'https' } })).toBe(
        'https://localhost:80',
      );
    expect(urlsFor('[::1]:5000', own)(own)).toBe('http://[::1]:5000');
  });

  test('every operation has a summary, a known tag, its own id, and described answers', () => {
    const tags = document.tags.map(({ name }: { name: string }) => name);
    const ids = new Set<string>();
    for (const [name, { summary, tags: its, responses, operationId }] of everyOperation) {
      const lacks = [];
      if (!/^[A-Z].*[.:]/.test(summary ?? '')) lacks.push('a summary');
      if (its?.length !== 1 || !tags.includes(its[0])) lacks.push('a tag');
      if (!operationId || ids.has(operationId)) lacks.push('an id');
      if (Object.keys(responses).length === 0) lacks.push('answers');
      for (const [status, { description }] of Object.entries(responses))
        if (!description) lacks.push(`a description of ${status}`);
      ids.add(operationId);
      expect([name, lacks]).toEqual([name, []]);
    }
  });

  test('every JSON body has an example, as its schema has it', () => {
    let count = 0;
    for (const [name, { requestBody, responses }] of everyOperation)
      for (const { content } of [
        ...(requestBody ? [requestBody] : []),
        ...Object.values(responses),
      ]) {
        const json = content?.['application/json'];
        if (json === undefined) continue;
        expect([name, 'example' in json]).toEqual([name, true]);
        expect([name, faultsOf(json.schema, json.example)]).toEqual([name, '']);
        count += 1;
      }
    expect(count).toBeGreaterThan(50);
  });

  test('a path’s parameters are those of its template, and keys are of known kinds', () => {
    const kinds = Object.keys(document.components.securitySchemes);
    for (const [name, { parameters = [], security = [] }] of everyOperation) {
      const inPath = parameters.filter((one) => one.in === 'path');
      const wanted = [...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
      expect([name, inPath.map((one) => one.name).sort()]).toEqual([name, wanted.sort()]);
      expect(inPath.filter(({ required }) => !required)).toEqual([]);
      for (const one of security) expect(kinds).toContain(Object.keys(one)[0]!);
    }
  });

  test('a WebSocket’s GET has its upgrade, its refusals before that and its close codes', () => {
    const closes = { sync: 4409, ws: 4401, auth: 4408, player: 4503 };
    for (const [path, close] of Object.entries(closes)) {
      const { responses, description } = everyOperation.get(`get /${path}`)!;
      for (const status of [101, 400, 403, 426, 429, 503])
        expect([path, status, status in responses]).toEqual([path, status, true]);
      expect(description).toContain(`| ${close} |`);
    }
    expect(everyOperation.get('get /sync')!.responses[401]).toBeDefined();
  });

  test('says what it hides: the plugin’s question at the path of the list of sessions', () => {
    const { summary, description } = everyOperation.get('get /sessions')!;
    expect(`${summary} ${description}`).toContain('userId');
  });

  test('names nothing of this machine', () => {
    const text = JSON.stringify(document);
    for (const path of [join(import.meta.dir, '../..'), dataFolder, process.cwd()])
      expect(text).not.toContain(path);
  });
});
