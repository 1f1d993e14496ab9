import type { Account } from '../harness/station.ts';
import { takeTurns, type TurnsFigure, type TurnsPlan } from '../harness/turns.ts';
import { inTime, voidRun } from '../harness/void-run.ts';
import { connectWire, type Wire } from '../harness/wire.ts';
import { comeIn, playersDialect } from './dialect.ts';
import type { PlayersTarget } from './servers.ts';
import { tokensOf } from './tokens.ts';

/** One player comes and goes while others are online, at several servers in turns. */
export interface PresenceJob extends TurnsPlan {
  kind: 'players-presence';
  targets: PlayersTarget[];
  /** Who is told of it. */
  watchers: number;
  /** How long telling everybody may take before a message counts as lost; 10 s if absent. */
  waitMs?: number;
}

export interface PresenceResult {
  /** By pair, then by target; of one coming and going, with all its deliveries. */
  pairs: TurnsFigure[][];
  /** What the first watcher was told when the second came, by target. */
  told: string[];
  /** Sent: comings and goings. Acknowledged: how often who came was sent the list. */
  account: Account;
}

interface Crowd {
  target: PlayersTarget;
  watchers: Wire[];
  /** Comes, waits until everybody knows, goes, and waits again. */
  comeAndGo(): Promise<void>;
  comings: number;
  /** What each watcher had received of the other watchers' coming. */
  before: Map<Wire, number>;
  told: string;
}

const idOf = (n: number) => `player-${String(n).padStart(6, '0')}`;
const changeBytes = (type: string) => JSON.stringify({ type, userId: idOf(0) }).length;
const dialect = { ...playersDialect, sizes: ['user_joined', 'user_left'].map(changeBytes) };

export async function runPresence(job: PresenceJob): Promise<PresenceResult> {
  const crowds: Crowd[] = [];
  for (const target of job.targets)
    crowds.push(await gather(target, job.watchers, job.waitMs ?? 10_000));
  const sides = crowds.map(({ target, comeAndGo }) => ({
    pid: target.pid,
    async run(count: number) {
      for (let n = 0; n < count; n++) await comeAndGo();
    },
  }));
  const pairs = await takeTurns(sides, job, 1);
  await Bun.sleep(50); // for what would come too much
  const account: Account = { sent: 0, acknowledged: 0, delivered: 0, pingsAnswered: 0 };
  for (const crowd of crowds) {
    account.sent += 2 * crowd.comings;
    account.acknowledged += crowd.comings;
    for (const wire of crowd.watchers) {
      if (wire.received !== wire.expected) voidRun(stillMissing(crowd.watchers));
      account.delivered += wire.received - crowd.before.get(wire)!;
      account.pingsAnswered += wire.pings;
      wire.end();
    }
  }
  return { pairs, told: crowds.map(({ told }) => told), account };
}

async function gather(target: PlayersTarget, count: number, waitMs: number): Promise<Crowd> {
  const tokens = await tokensOf(
    target.port,
    Array.from({ length: count + 1 }, (_, n) => idOf(n)),
  );
  const connect = (n: number) => {
    const name = `${target.name}: ${idOf(n)}`;
    return connectWire(name, target.port, dialect, '/player', comeIn(tokens[n]!));
  };
  const watchers = [await connect(0)];
  const read = watchers[0]!.readText((text) => text.endsWith('}'));
  watchers.push(await connect(1));
  const told = await read;
  while (watchers.length < count) {
    const known = everybodyIsTold(watchers, waitMs);
    const wire = await connect(watchers.length);
    await known;
    watchers.push(wire);
  }
  const crowd: Crowd = {
    target,
    watchers,
    comings: 0,
    before: new Map(watchers.map((wire) => [wire, wire.received])),
    told,
    async comeAndGo() {
      crowd.comings++;
      const come = everybodyIsTold(watchers, waitMs);
      const wire = await connect(count);
      await come;
      const gone = everybodyIsTold(watchers, waitMs);
      wire.end();
      await gone;
    },
  };
  return crowd;
}

/** Resolves when each of these has got one message more. */
function everybodyIsTold(watchers: readonly Wire[], waitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = watchers.length;
  for (const wire of watchers) {
    wire.expected++;
    wire.onProgress = () => {
      if (wire.received === wire.expected && --missing === 0) resolve();
    };
  }
  return inTime(promise, waitMs, () => stillMissing(watchers));
}

function stillMissing(watchers: readonly Wire[]): string {
  return watchers
    .filter((wire) => wire.received !== wire.expected)
    .map((wire) => `${wire.name}: ${wire.received} of ${wire.expected}`)
    .join(', ');
}
