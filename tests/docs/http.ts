import { expect } from 'bun:test';
import { until } from '../support/moonstead.ts';

/** A request or an answer: its first line, its headers with names in lower case, its body. */
export interface HttpText {
  line: string;
  headers: Record<string, string>;
  body: string;
}

export const jsonType = { 'Content-Type': 'application/json' };

/** As a page writes it, or `curl -i` prints it. */
export function parsed(text: string): HttpText {
  const [, head, body] = /^([^]*?)\r?\n\r?\n([^]*)$/.exec(text)!;
  const [line, ...lines] = head!.split(/\r?\n/);
  const headers = lines.map((one) => /^([^:]+): (.*)$/.exec(one)!.slice(1) as [string, string]);
  return { line: line!, headers: inLowerCase(headers), body: body! };
}

function inLowerCase(headers: Iterable<[string, string]>): Record<string, string> {
  const all = [...headers].map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(all.filter(([name]) => name !== 'date'));
}

/** A page's block ends with a line end that is not the body's. */
export function withoutLastLineEnd({ body, ...rest }: HttpText): HttpText {
  return { ...rest, body: body.replace(/\n$/, '') };
}

/** A request as its words on the command line of curl. */
export interface Order {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

export async function fetched({ url, ...order }: Order): Promise<HttpText> {
  const answer = await fetch(url, { ...order, redirect: 'manual' });
  const { status, statusText, headers } = answer;
  const line = `HTTP/1.1 ${status} ${statusText}`;
  return { line, headers: inLowerCase(headers), body: await answer.text() };
}

/** What `curl …` would send. */
export function orderOf(command: string): Order {
  const quoted = /'([^']*)'|"([^"]*)"|\\\n|([^\s'"\\]+)/g;
  const words = [...command.trim().matchAll(quoted)]
    .map(([, single, double, bare]) => single ?? double ?? bare)
    .filter((word) => word !== undefined);
  if (words.shift() !== 'curl') throw new Error(`not curl: ${command}`);
  const order: Order = { method: 'GET', url: '', headers: {}, body: undefined };
  let method: string | undefined;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-X') method = words.shift();
    else if (word === '-d') {
      order.body = words.shift()!;
      order.method = 'POST';
      order.headers['Content-Type'] ??= 'application/x-www-form-urlencoded';
    } else if (word === '-H') {
      const [, name, value] = /^([^:]+): (.*)$/.exec(words.shift()!)!;
      order.headers[name!] = value!;
    } else if (word.startsWith('-') || order.url !== '') throw new Error(`curl knows "${word}"`);
    else order.url = word;
  }
  return { ...order, method: method ?? order.method };
}

/** Runs a curl command; where there is no curl, what it would send is sent by fetch. */
export async function runCurl(command: string): Promise<HttpText> {
  if (Bun.which('curl') === null) {
    const order = orderOf(command);
    return fetched({ ...order, headers: { 'Accept-Encoding': 'identity', ...order.headers } });
  }
  const curl = Bun.spawn(['sh', '-c', command.replace('curl', 'curl -s -i')], { stdout: 'pipe' });
  const answer = await new Response(curl.stdout).text();
  expect(await curl.exited).toBe(0);
  return parsed(answer);
}

interface Asked {
  request: HttpText;
  answer(response: Response): void;
}

/** A worker's HTTP server that does what the page says. */
export class WorkerStage {
  private readonly waiting: Asked[] = [];
  private readonly inHand: Asked[] = [];
  /** Answers by itself. */
  isAutomatic = false;
  private readonly server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      if (this.isAutomatic) return Response.json('done');
      const { method, url, headers } = request;
      const line = `${method} ${new URL(url).pathname} HTTP/1.1`;
      const asked = { line, headers: inLowerCase(headers), body: await request.text() };
      return new Promise((answer) => this.waiting.push({ request: asked, answer }));
    },
  });

  get port(): number {
    return this.server.port!;
  }

  /** What it is asked next. */
  async asked(): Promise<HttpText> {
    const next = await until('the worker to be asked', () => this.waiting.shift());
    this.inHand.push(next);
    return next.request;
  }

  /** Answers what it was asked first. */
  answer({ line, headers, body }: HttpText): void {
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(line)!;
    this.inHand.shift()!.answer(new Response(body || null, { status: Number(status), headers }));
  }

  /** What nobody spoke of. */
  get unanswered(): number {
    return this.waiting.length + this.inHand.length;
  }

  async stop(): Promise<void> {
    await this.server.stop(true);
  }
}
