import { expect } from 'bun:test';
import { join } from 'node:path';
import { SeededRandom } from '../sim/random.ts';
import { HttpClient, type Request } from './http.ts';
import { type Answering, HttpWorker } from './http-worker.ts';
import { Moonstead, until } from './moonstead.ts';
import { RawClient } from './raw.ts';

/** A worker's token, and words of a payload: neither may come into a log or a list. */
export const token = 't0ken-that-no-log-may-hold';
export const words = 'w0rds-that-no-log-may-hold';

export interface Entry {
  node_id: string;
  protocol: string;
  region: string;
  weight: number;
  max_concurrency: number;
  health: string;
  in_flight: number;
  last_seen: string;
  latency_ms: { p50: number; p95: number } | null;
  dropped: number;
}

/** A server with its workers and callers, so that none outlives its test. */
export class Stage {
  server!: Moonstead;
  /** Of this test alone, so that many can share a server. */
  region = crypto.randomUUID();
  private readonly guests: (() => unknown)[] = [];
  private readonly registered = new Set<string>();

  /** Starts it with these settings of mls.json and of `[server]`; it logs all there is. */
  async start(mls: object = {}, server = ''): Promise<void> {
    this.server = await Moonstead.start({
      toml: `[server]\nlog_level = "debug"\n${server}`,
      mls: { tokens: [token], ...mls },
    });
  }

  get port(): number {
    return this.server.port;
  }

  guest<T>(guest: T, leave: (guest: T) => unknown): T {
    this.guests.push(() => leave(guest));
    return guest;
  }

  /** Ends what this test made beside the server, which must know nothing of it afterwards. */
  async clear(): Promise<void> {
    await this.leave();
    // An HTTP worker cannot say that it leaves. A WebSocket worker of its name does it for it.
    for (const node_id of this.registered) await this.socketWorker({ node_id });
    this.registered.clear();
    await this.leave();
    await until('nothing to be left', async () => {
      const { clients, tasks } = await this.status();
      return clients === 0 && tasks === 0;
    });
    await this.leave();
    this.region = crypto.randomUUID();
  }

  private async leave(): Promise<void> {
    for (const leave of this.guests.splice(0).reverse()) await leave();
  }

  /** Ends all; fails if the server had a fault, or its log holds what it must not. */
  async stop(): Promise<void> {
    await this.leave();
    this.registered.clear();
    const { server } = this;
    const code = await server.stop();
    expect(server.output).not.toContain(token);
    expect(server.output).not.toContain(words);
    expect(server.events.filter(({ level }) => level === 'error')).toEqual([]);
    expect(code).toBe(0);
  }

  /** A request on a connection of its own, perhaps under way for long. */
  ask(request: Request): HttpClient {
    return this.guest(HttpClient.ask(this.port, request), (client) => client.destroy());
  }

  get(path: string, headers: Request['headers'] = {}): Promise<HttpClient> {
    return this.ask({ path, headers }).over();
  }

  /** A task that is under way; of this test's region unless `more` says otherwise. */
  begin(payload: unknown = words, more: object = {}, headers: Request['headers'] = {}) {
    return this.beginText(JSON.stringify({ region: this.region, payload, ...more }), headers);
  }

  /** A task that is under way, as it is. */
  beginText(body: string | Uint8Array, headers: Request['headers'] = {}) {
    const all = { 'Content-Type': 'application/json', ...headers };
    return this.ask({ method: 'POST', path: '/task/request', headers: all, body });
  }

  /** A task and its answer, whole or broken. */
  task(...given: Parameters<Stage['begin']>): Promise<HttpClient> {
    return this.begin(...given).over();
  }

  taskText(...given: Parameters<Stage['beginText']>): Promise<HttpClient> {
    return this.beginText(...given).over();
  }

  /** The answer to a heartbeat, as it is. */
  async heartbeat(body: unknown, headers: Request['headers'] = {}): Promise<HttpClient> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const all = { 'Content-Type': 'application/json', ...headers };
    const request = { method: 'POST', path: '/client/heartbeat', headers: all, body: text };
    const answer = await this.ask(request).over();
    if (answer.status === 200) this.registered.add(answer.json.node_id);
    return answer;
  }

  /** Registers an HTTP worker at that port of this machine; its node_id. */
  async register(port: number, more: object = {}): Promise<string> {
    const answer = await this.heartbeat({ token, region: this.region, port, ...more });
    if (answer.status !== 200) throw new Error(`refused: ${answer.text}`);
    return answer.json.node_id;
  }

  /** An HTTP worker in this process, registered. */
  async httpWorker(answering: Answering, more: object = {}): Promise<HttpWorker> {
    const worker = this.guest(await HttpWorker.start(answering), (one) => one.close());
    worker.nodeId = await this.register(worker.port, more);
    return worker;
  }

  /** A connection on `/ws` that has not registered. */
  async socket(options: { pongs?: boolean; path?: string } = {}): Promise<RawClient> {
    const client = await RawClient.open(this.port, { path: '/ws', ...options });
    return this.guest(client, (one) => one.ended || one.destroy());
  }

  /** A WebSocket worker, registered, whose frames the test writes. */
  async socketWorker(more: object = {}, options: { pongs?: boolean } = {}): Promise<RawClient> {
    const client = await this.socket(options);
    client.say({ type: 'register', payload: { token, region: this.region, ...more } });
    await client.next(({ type }) => type === 'registered');
    return client;
  }

  /** A program in a process of its own, once it has said a line. */
  async program(words: string[], options: { cwd?: string } = {}) {
    const child = Bun.spawn(words, { ...options, stdout: 'pipe', stderr: 'inherit' });
    this.guest(child, async () => {
      child.kill('SIGKILL');
      await child.exited;
    });
    const lines: string[] = [];
    void readLines(child.stdout, lines);
    const line = await until(`a line of ${words[0]}`, () => lines[0]);
    return { child, lines, line };
  }

  /** An HTTP worker in a Node process of its own, as `node-worker.mjs` says; not registered. */
  async nodeWorker(...words: string[]) {
    const program = join(import.meta.dir, 'node-worker.mjs');
    const { child, line, lines } = await this.program(['node', program, ...words]);
    return { child, lines, port: Number(line) };
  }

  /** What `/clients` says of a worker: up to a second old, so mind the tests before this one. */
  async entry(nodeId: string): Promise<Entry | undefined> {
    const { clients } = (await this.get('/clients')).json as { clients: Entry[] };
    return clients.find(({ node_id: id }) => id === nodeId);
  }

  async entryThat(nodeId: string, fits: (entry: Entry) => boolean): Promise<Entry> {
    return until(`an entry of ${nodeId} that fits`, async () => {
      const entry = await this.entry(nodeId);
      return entry !== undefined && fits(entry) ? entry : undefined;
    });
  }

  async status(): Promise<any> {
    return (await this.get('/status')).json;
  }

  /** Waits until no task is in flight any more. */
  async quiet(): Promise<void> {
    await until('no task in flight', async () => (await this.status()).tasks === 0);
  }

  /** Fails unless a fresh worker of either kind is given a task and its answer arrives. */
  async stillServes(): Promise<void> {
    const region = `well-${crypto.randomUUID()}`;
    const http = await this.httpWorker(answerJson('"well"'), { region });
    expect((await this.task('how', { region })).text).toBe('"well"');
    http.close();
    const socket = await this.socketWorker({ region: `${region}-too` });
    const asked = this.begin('how', { region: `${region}-too` });
    await answer(socket, 'well too');
    expect((await asked.over()).text).toBe('"well too"');
    socket.destroy();
  }
}

/** Bytes without a pattern, the same every time. */
export function noise(length: number): Buffer {
  const random = new SeededRandom(length);
  return Buffer.from(Array.from({ length }, () => random.whole(0, 255)));
}

/** What an HTTP worker does that answers every task with this JSON. */
export function answerJson(json: string, status = 200): Answering {
  const head = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}`;
  return ({ socket }) => socket.write(`HTTP/1.1 ${status} Said\r\n${head}\r\n\r\n${json}`);
}

/** Takes the next task of a WebSocket worker and answers it; its `task_id`. */
export async function answer(worker: RawClient, response: unknown, more: object = {}) {
  const { task_id } = await worker.next(({ type }) => type === 'task');
  worker.say({ type: 'task_response', payload: { task_id, response, ...more } });
  return task_id as string;
}

async function readLines(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  }
}
