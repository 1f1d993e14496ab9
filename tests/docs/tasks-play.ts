import { expect } from 'bun:test';
import type { Moonstead } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { Callers } from './callers.ts';
import { filled, type RealIds, withRealIds } from './examples.ts';
import {
  fetched,
  type HttpText,
  jsonType,
  parsed,
  runCurl,
  withoutLastLineEnd,
  WorkerStage,
} from './http.ts';
import type { Block } from './markdown.ts';
import { type Dialect, playFrames, type Stage } from './play.ts';

/**
 * What a section of docs/protocol-tasks.md does beside frames. `curl …` is run; `somebody sends POST
 * /path` and `receives 200` are a request and its answer, `each sends` a list of them; `worker is
 * asked` and `answers 200` are the other side of a task, `tasks for a region go to` many tasks, one
 * after the other, by who answers. An HTTP block shows headers too. Workers are called by their
 * node_id and stand on free ports, but for those whose port is below 1024: nobody is there.
 */
export class TasksPlay {
  private readonly ids: RealIds = new Map();
  private readonly workers = new Map<string, WorkerStage>();
  /** The page's addresses of workers, and where they really are. */
  private readonly places: [documented: string, real: string][] = [];
  private readonly callers = new Callers(this.ids);

  private readonly dialect: Dialect = {
    connect: (port) => RawClient.open(port, { path: '/ws' }),
    outgoing: (text) => withRealIds(text, this.ids),
    expected: (documented, got) => filled(documented, got, this.ids) as typeof documented,
  };

  async act(block: Block, stage: Stage): Promise<void> {
    const { language, caption, text } = block;
    if (language === 'sh')
      return this.callers.ask('curl', runCurl(this.command(text, stage.server)));
    if (!/^(json|http)$/.test(language) || caption === 'mls.json') return;
    const [, who, does] =
      /^(.+?) (sends POST|is asked|answers|receives|go to)\b/.exec(caption) ?? [];
    const [, path, status] = /(?: POST (\/\S+)| (\d{3}))$/.exec(caption) ?? [];
    if (who === 'each' && path) return this.sendEach(path, JSON.parse(text), stage.server);
    if (path) return this.callers.ask(who!, this.send(path, text, stage.server));
    if (does === 'is asked') return this.expectAsked(who!, block);
    if (does === 'answers') return this.worker(who!).answer(answerOf(block, status));
    if (does === 'go to') return this.spread(who!, JSON.parse(text), stage.server);
    if (does === 'receives' && (status || language === 'http'))
      return this.callers.expectAnswer(who!, block, status);
    return playFrames(block, stage, this.dialect);
  }

  /** Every worker and caller has done what the page says, and no more. */
  expectNothingOpen(): void {
    const open = [...this.workers].filter(([, worker]) => worker.unanswered > 0);
    expect([...open.map(([name]) => name), ...this.callers.unheard]).toEqual([]);
  }

  async stop(): Promise<void> {
    for (const worker of this.workers.values()) await worker.stop();
  }

  private send(path: string, text: string, { http }: Moonstead): Promise<HttpText> {
    const body = path === '/client/heartbeat' ? this.onFreePort(text) : text;
    return fetched({ method: 'POST', url: http + path, headers: jsonType, body });
  }

  private async sendEach(path: string, bodies: object[], server: Moonstead): Promise<void> {
    for (const body of bodies)
      expect((await this.send(path, JSON.stringify(body), server)).line).toBe('HTTP/1.1 200 OK');
  }

  private command(text: string, { port }: Moonstead): string {
    const command = text.replace('localhost:8080', `127.0.0.1:${port}`);
    return command.includes('/client/heartbeat') ? this.onFreePort(command) : command;
  }

  /** A heartbeat, with a worker's server behind its port. */
  private onFreePort(text: string): string {
    const [, nodeId] = /"node_id": ?"([^"]+)"/.exec(text) ?? [];
    return text.replace(/("port": ?)(\d{4,5})\b/, (_, before, port) => {
      const worker = new WorkerStage();
      this.workers.set(nodeId!, worker);
      this.places.push([`127.0.0.1:${port}`, `127.0.0.1:${worker.port}`]);
      return before + worker.port;
    });
  }

  private worker(name: string): WorkerStage {
    const worker = this.workers.get(name);
    if (worker === undefined) throw new Error(`there is no worker ${name}`);
    return worker;
  }

  private async expectAsked(who: string, { language, text }: Block): Promise<void> {
    const got = await this.worker(who).asked();
    if (language === 'json') return expect(JSON.parse(got.body)).toEqual(JSON.parse(text));
    const placed = this.places.reduce((all, [page, real]) => all.replaceAll(page, real), text);
    const documented = withoutLastLineEnd(parsed(placed));
    expect(got).toEqual(filled(documented, got, this.ids) as HttpText);
  }

  private async spread(words: string, expected: string[], server: Moonstead): Promise<void> {
    const [, region] = /^tasks for (\S+)$/.exec(words)!;
    for (const worker of this.workers.values()) worker.isAutomatic = true;
    const order: (string | undefined)[] = [];
    for (const payload of expected) {
      const answer = await this.send('/task/request', JSON.stringify({ region, payload }), server);
      order.push(answer.headers['x-worker-id']);
    }
    for (const worker of this.workers.values()) worker.isAutomatic = false;
    expect(order).toEqual(expected);
  }
}

function answerOf({ language, text }: Block, status: string | undefined): HttpText {
  return language === 'http'
    ? withoutLastLineEnd(parsed(text))
    : { line: `HTTP/1.1 ${status} `, headers: jsonType, body: text };
}
