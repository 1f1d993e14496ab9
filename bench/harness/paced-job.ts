import { latencies, type Latencies, type LatencyFigure } from './latencies.ts';
import { closeStations, openStation, stillMissing, writeFrames } from './station.ts';
import type { Account, Station, Target } from './station.ts';
import { inTime } from './void-run.ts';

/** The bot speaks at a fixed rate, whatever comes back. */
export interface PacedJob {
  kind: 'paced';
  targets: Target[];
  receivers: number;
  perSecond: number;
  /**
   * Given: there is one target, and its turns are with and without a mod beside that sends this
   * many messages a second to a channel which the bot's key ("bench-live") does not cover.
   */
  queuedPerSecond?: number;
  pairs: number;
  /** Length of one pair, all its turns together, and of the warm-up before the first. */
  pairMs: number;
  warmMs: number;
  turnMs: number;
}

export interface PacedResult {
  /** By pair, then by target; or alone, then beside. */
  pairs: LatencyFigure[][];
  account: Account;
}

/**
 * Sends at planned times for `durationMs` and waits for everything. The latency of a delivery
 * counts from the time its message was planned for, so that a stall is felt by all that it delays.
 */
async function sendPaced(
  station: Station,
  perSecond: number,
  durationMs: number,
  into?: Latencies,
): Promise<void> {
  const { sender, receivers } = station;
  const count = Math.max(1, Math.floor((perSecond * durationMs) / 1000));
  const stepMs = 1000 / perSecond;
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = 1 + receivers.length;
  const startMs = performance.now() + 1;
  for (const wire of [sender, ...receivers]) {
    const before = wire.received;
    let timed = wire === sender ? count : 0; // acknowledgements are awaited, not timed
    wire.expected += count;
    wire.onProgress = () => {
      const sinceMs = performance.now() - startMs;
      for (; timed < wire.received - before; timed++) into?.add((sinceMs - timed * stepMs) * 1000);
      if (wire.received === wire.expected && --missing === 0) resolve();
    };
  }
  for (let sent = 0; sent < count; await new Promise(setImmediate)) {
    const due = Math.min(count, Math.floor((performance.now() - startMs) / stepMs) + 1);
    if (due <= sent) continue;
    writeFrames(station, sender.expected - count + sent, due - sent);
    sent = due;
  }
  await inTime(promise, 10_000, () => stillMissing(station));
}

export async function runPaced(job: PacedJob): Promise<PacedResult> {
  const { perSecond, queuedPerSecond, turnMs } = job;
  const stations: Station[] = [];
  const apiKey = queuedPerSecond === undefined ? 'bench' : 'bench-live';
  for (const target of job.targets) {
    stations.push(await openStation(target, { role: 'bot', receivers: job.receivers, apiKey }));
  }
  type Turn = (into?: Latencies) => Promise<unknown>;
  const sides = stations.map(
    (station): Turn =>
      (into) =>
        sendPaced(station, perSecond, turnMs, into),
  );
  if (queuedPerSecond !== undefined) {
    const alone = sides[0]!;
    const beside = await openStation(job.targets[0]!, {
      role: 'mod',
      receivers: 0,
      channelId: 'quiet-123456789',
    });
    stations.push(beside);
    sides.push((into) => Promise.all([alone(into), sendPaced(beside, queuedPerSecond, turnMs)]));
  }

  async function alternate(durationMs: number) {
    const taken = sides.map(() => latencies());
    const turns = Math.max(1, Math.round(durationMs / turnMs / sides.length));
    for (let turn = 0; turn < turns; turn++) {
      for (let n = 0; n < sides.length; n++) {
        const which = (n + turn) % sides.length;
        await sides[which]!(taken[which]);
      }
    }
    return taken.map((one) => one.figure());
  }
  await Bun.sleep(200);
  await alternate(job.warmMs);
  const pairs = [];
  for (let n = 0; n < job.pairs; n++) pairs.push(await alternate(job.pairMs));
  return { pairs, account: await closeStations(stations) };
}
