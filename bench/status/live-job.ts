import { takeTurns, type TurnsFigure, type TurnsPlan } from '../harness/turns.ts';
import { inTime, voidRun } from '../harness/void-run.ts';
import { connectAskers, type Asker } from './askers.ts';
import { openLiveReader, type LiveReader } from './live-reader.ts';
import type { StatusTarget } from './servers.ts';

/** Sessions begin while others read the live feed, at several servers in turns. */
export interface LiveJob extends TurnsPlan {
  kind: 'status-live';
  targets: (StatusTarget & { readers: number })[];
  /** How long a burst may take before an event counts as lost; 10 s if absent. */
  waitMs?: number;
}

export interface LiveResult {
  /** By pair, then by target; of one session begun, with all that is told of it. */
  pairs: TurnsFigure[][];
  account: LiveAccount;
}

/** What was counted in all; a run in which an event was missing or extra does not get here. */
export interface LiveAccount {
  asked: number;
  begun: number;
  told: number;
}

/** Those who begin sessions at a server, and those who read of it. */
interface Scene {
  name: string;
  pid: number;
  askers: Asker[];
  readers: LiveReader[];
  asked: number;
  begun: number;
  /** When it may have its next burst. */
  nextMs: number;
  onAnswer(): void;
}

/** Sessions that begin at once; the next when everybody knows of all of them. */
export const burstSessions = 64;
/** What is more than 1,000 equal events in one second, no reader is told. */
export const burstsASecond = 12;

export async function runLive(job: LiveJob): Promise<LiveResult> {
  const scenes: Scene[] = [];
  for (const target of job.targets) scenes.push(await prepare(target));
  const sides = scenes.map((scene) => ({
    pid: scene.pid,
    async run(count: number) {
      for (; count > 0; count -= burstSessions) await burst(scene, job.waitMs ?? 10_000);
    },
  }));
  return { pairs: await takeTurns(sides, job, burstSessions), account: await close(scenes) };
}

async function prepare({ name, port, pid, readers }: LiveJob['targets'][number]): Promise<Scene> {
  const scene: Scene = {
    name,
    pid,
    askers: [],
    readers: [],
    asked: 0,
    begun: 0,
    nextMs: 0,
    onAnswer: () => {},
  };
  for (let n = 0; n < readers; n++)
    scene.readers.push(await openLiveReader(`${name}: reader ${n}`, port));
  scene.askers = await connectAskers(burstSessions, {
    name,
    port,
    onAnswer(_, head, body) {
      if (!head.startsWith('HTTP/1.1 200 ') || !body.includes('"token":'))
        voidRun(`${name}: no session: ${head}${body}`);
      scene.begun++;
      scene.onAnswer();
    },
  });
  return scene;
}

/** One session of a new user from each asker; all must have begun, and all readers know. */
async function burst(scene: Scene, waitMs: number): Promise<void> {
  const nowMs = performance.now();
  if (nowMs < scene.nextMs) await Bun.sleep(scene.nextMs - nowMs);
  scene.nextMs = performance.now() + 1000 / burstsASecond;
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = scene.askers.length + scene.readers.length;
  const done = () => {
    if (--missing === 0) resolve();
  };
  scene.onAnswer = done;
  for (const reader of scene.readers) {
    reader.expected += scene.askers.length;
    reader.onProgress = done;
  }
  for (const asker of scene.askers) asker.ask(requestOf(scene.asked++));
  await inTime(promise, waitMs, () => counts(scene));
}

function requestOf(number: number): Uint8Array {
  const body = `{"type":"auth","userId":"user-${String(number).padStart(6, '0')}"}`;
  return Buffer.from(
    `POST /auth HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function counts({ name, asked, begun, readers }: Scene): string {
  const told = readers.map((reader) => reader.received);
  const least = told.length === 0 ? 'nobody reads' : `${Math.min(...told)} told of at least`;
  return `${name}: ${asked} sessions asked for, ${begun} begun, ${least}`;
}

/** Waits for what would come too much (it voids the run), counts, and hangs up. */
async function close(scenes: readonly Scene[]): Promise<LiveAccount> {
  await Bun.sleep(50);
  const account = { asked: 0, begun: 0, told: 0 };
  for (const scene of scenes) {
    const { asked, begun, askers, readers } = scene;
    const sum = (asked * (asked - 1)) / 2; // of the numbers 0, 1, 2, … of all users
    for (const reader of readers) {
      if (reader.sum !== sum) voidRun(`${reader.name} was told of a user twice, not of another`);
      account.told += reader.received;
    }
    account.asked += asked;
    account.begun += begun;
    for (const one of [...askers, ...readers]) one.end();
  }
  return account;
}
