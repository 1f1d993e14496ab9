import { latencies, type Latencies, type LatencyFigure } from '../harness/latencies.ts';
import { spreadOf } from '../harness/report.ts';
import { takeTurns, type TurnsFigure, type TurnsPlan } from '../harness/turns.ts';
import { inTime, voidRun } from '../harness/void-run.ts';
import { connectAskers, type Asker } from './askers.ts';
import { pagesOf } from './pages.ts';
import type { StatusTarget } from './servers.ts';

/**
 * One page of `GET /sessions`, of several servers in turns: as fast as it goes, then the first pages
 * at a fixed rate.
 */
export interface ListJob extends TurnsPlan {
  kind: 'status-list';
  targets: ListTarget[];
  /** Requests in flight. */
  askers: number;
  paced: { pairs: number; pairMs: number; turnMs: number };
  /** How long a turn may take before an answer counts as lost; 10 s if absent. */
  waitMs?: number;
}

export interface ListTarget extends StatusTarget {
  sessions: number;
  page: 'first' | 'last';
}

export interface ListResult {
  /** By pair, then by target. */
  pairs: TurnsFigure[][];
  /**
   * By pair, then by target with a first page: at `perSecond` to each, half of what the first target
   * did in `pairs`. A last page may take longer than such a rate leaves time for.
   */
  paced: LatencyFigure[][];
  perSecond: number;
  /** Bytes of the page, by target. */
  pageBytes: number[];
  account: ListAccount;
}

/** What was counted in all; a run in which an answer was missing or another does not get here. */
export interface ListAccount {
  asked: number;
  answered: number;
  /** Sessions that were begun and then found in the list. */
  listed: number;
}

interface Lane extends ListAccount {
  target: ListTarget;
  request: Uint8Array;
  body: string;
  askers: Asker[];
  onAnswer(asker: Asker): void;
}

export async function runList(job: ListJob): Promise<ListResult> {
  const { paced, waitMs = 10_000 } = job;
  const lanes: Lane[] = [];
  for (const target of job.targets) lanes.push(await prepare(target));
  // Only now: servers close a connection that is unused for some seconds.
  for (const lane of lanes) lane.askers = await connect(lane, job.askers);
  const sides = lanes.map((lane) => ({
    pid: lane.target.pid,
    run: (count: number) => closedLoop(lane, count, waitMs),
  }));
  const pairs = await takeTurns(sides, job, job.askers);
  const top = spreadOf(pairs.map(([first]) => first!.perSecond)).median;
  const perSecond = Math.max(1, Math.floor(top / 2));

  const timed = lanes.filter((lane) => lane.target.page === 'first');
  for (const lane of lanes) if (!timed.includes(lane)) hangUp(lane); // or the server would
  const alternate = async () => {
    const taken = timed.map(() => latencies());
    const turns = Math.max(1, Math.round(paced.pairMs / paced.turnMs / timed.length));
    for (let turn = 0; turn < turns; turn++) {
      for (let n = 0; n < timed.length; n++) {
        const which = (n + turn) % timed.length;
        await askPaced(timed[which]!, perSecond, paced.turnMs, taken[which]!, waitMs);
      }
    }
    return taken.map((one) => one.figure());
  };
  const pacedPairs = [];
  for (let n = 0; n < paced.pairs; n++) pacedPairs.push(await alternate());
  const pageBytes = lanes.map((lane) => lane.body.length);
  return { pairs, paced: pacedPairs, perSecond, pageBytes, account: await close(lanes) };
}

async function prepare(target: ListTarget): Promise<Lane> {
  const { port, sessions, page } = target;
  const pages = await pagesOf(port, sessions);
  const { path, body } = pages.at(page === 'first' ? 0 : -1)!;
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const counted = { asked: 0, answered: 0, listed: sessions };
  return { target, request, body, askers: [], onAnswer: () => {}, ...counted };
}

function connect(lane: Lane, count: number): Promise<Asker[]> {
  const { name, port } = lane.target;
  return connectAskers(count, {
    name,
    port,
    onAnswer(asker, head, body) {
      if (!head.startsWith('HTTP/1.1 200 ') || body !== lane.body)
        voidRun(`${name}: another page, ${head}${body}`);
      lane.answered++;
      lane.onAnswer(asker);
    },
  });
}

function ask(lane: Lane, asker: Asker): void {
  lane.asked++;
  asker.ask(lane.request);
}

/** Asks `count` times: each asker for the next when it has its answer. */
async function closedLoop(lane: Lane, count: number, waitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = lane.answered + count;
  let left = count;
  lane.onAnswer = (asker) => {
    if (left > 0) {
      left--;
      ask(lane, asker);
    } else if (lane.answered === end) resolve();
  };
  for (const asker of lane.askers.slice(0, count)) {
    left--;
    ask(lane, asker);
  }
  await inTime(promise, waitMs, () => counts(lane));
}

/** Asks at planned times; a latency counts from the time that its request was planned for. */
async function askPaced(
  lane: Lane,
  perSecond: number,
  durationMs: number,
  into: Latencies,
  waitMs: number,
): Promise<void> {
  const count = Math.max(1, Math.floor((perSecond * durationMs) / 1000));
  const stepMs = 1000 / perSecond;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = lane.answered + count;
  const idle = lane.askers; // in turn, this time and the next: one long unused would be closed
  lane.onAnswer = (asker) => {
    into.add((performance.now() - asker.dueMs) * 1000);
    idle.push(asker);
    if (lane.answered === end) resolve();
  };
  const startMs = performance.now() + 1;
  const lost = inTime(promise, waitMs + durationMs, () => counts(lane));
  for (let asked = 0; asked < count; await new Promise(setImmediate)) {
    const due = Math.min(count, Math.floor((performance.now() - startMs) / stepMs) + 1);
    while (asked < due && idle.length > 0) {
      const asker = idle.shift()!;
      asker.dueMs = startMs + asked++ * stepMs;
      ask(lane, asker);
    }
  }
  await lost;
}

function counts({ target, asked, answered }: Lane): string {
  return `${target.name}: ${asked} pages asked for, ${answered} answered`;
}

function hangUp(lane: Lane): void {
  for (const asker of lane.askers.splice(0)) asker.end();
}

/** Waits for what would come too much (it voids the run), counts, and hangs up. */
async function close(lanes: readonly Lane[]): Promise<ListAccount> {
  await Bun.sleep(50);
  const sum = { asked: 0, answered: 0, listed: 0 };
  for (const lane of lanes) {
    if (lane.asked !== lane.answered) voidRun(counts(lane));
    sum.asked += lane.asked;
    sum.answered += lane.answered;
    sum.listed += lane.listed;
    hangUp(lane);
  }
  return sum;
}
