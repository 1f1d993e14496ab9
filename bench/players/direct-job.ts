import { clientFrame, joined } from '../harness/frames.ts';
import { closeStations, framesReady, sendBursts, times, burstFrames } from '../harness/station.ts';
import type { Account, Seen, Station } from '../harness/station.ts';
import { takeTurns, type TurnsFigure, type TurnsPlan } from '../harness/turns.ts';
import { voidRun } from '../harness/void-run.ts';
import { connectWire } from '../harness/wire.ts';
import { comeIn, directMessage, playersDialect } from './dialect.ts';
import type { PlayersTarget } from './servers.ts';
import { tokensOf } from './tokens.ts';

/** Bursts from one player to another, to several servers in turns, the same number to each. */
export interface DirectJob extends TurnsPlan {
  kind: 'players-direct';
  targets: PlayersTarget[];
  /** How long a turn may take before a message counts as lost; 10 s if absent. */
  waitMs?: number;
}

export interface DirectResult {
  /** By pair, then by target. */
  pairs: TurnsFigure[][];
  seen: Seen[];
  account: Account;
}

export async function runDirect(job: DirectJob): Promise<DirectResult> {
  const stations: Station[] = [];
  for (const target of job.targets) stations.push(await openPlayers(target));
  const sides = stations.map((station) => ({
    pid: station.target.pid,
    run: (count: number) => sendBursts(station, times(count / burstFrames), job.waitMs ?? 10_000),
  }));
  const pairs = await takeTurns(sides, job, burstFrames);
  const seen = stations.map((station) => station.seen);
  return { pairs, seen, account: await closeStations(stations) };
}

/** Connects both, then sends one message and learns from it how long each answer is. */
async function openPlayers(target: PlayersTarget): Promise<Station> {
  const [from, to] = await tokensOf(target.port, ['sender', 'receiver']);
  const connect = (name: string, token: string) =>
    connectWire(`${target.name}: ${name}`, target.port, playersDialect, '/player', comeIn(token));
  const receiver = await connect('receiver', to!);
  const comes = receiver.readText((text) => text.endsWith('}'));
  const sender = await connect('sender', from!);
  await comes;

  const frames = Array.from({ length: framesReady }, (_, n) => clientFrame(directMessage(n)));
  const whole = (text: string) => text.endsWith('}');
  const delivery = receiver.readText(whole);
  const acknowledged = await sender.readText(whole, frames[0]);
  const delivered = await delivery;
  if (!acknowledged.includes('"completed"')) voidRun(`${sender.name} was told ${acknowledged}`);
  const seen = { delivered, acknowledged };
  const frameBytes = frames[0]!.length;
  return { target, sender, receivers: [receiver], frames: joined(frames), frameBytes, seen };
}
