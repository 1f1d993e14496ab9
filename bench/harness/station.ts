import { dialects, type DialectName, type Role } from '../relay/dialects.ts';
import { clientFrame, joined } from './frames.ts';
import { inTime, voidRun } from './void-run.ts';
import { connectWire, type Wire } from './wire.ts';

/** A server under load: what a load job is told of it. */
export interface Target {
  name: string;
  dialect: DialectName;
  port: number;
  pid: number;
}

/** One sender and everybody who gets what it says. */
export interface Station {
  target: Omit<Target, 'dialect'>;
  sender: Wire;
  receivers: Wire[];
  /** Ready messages, equally long, to be sent round and round. */
  frames: Uint8Array;
  frameBytes: number;
  /** What the first receiver and the sender got for the first message. */
  seen: Seen;
}

export interface Seen {
  delivered: string;
  acknowledged: string;
}

/** What was counted in all; a run in which a message was missing or extra does not get here. */
export interface Account {
  sent: number;
  acknowledged: number;
  delivered: number;
  pingsAnswered: number;
}

export const burstFrames = 64;
/** So many ready messages a station has. */
export const framesReady = burstFrames * 16;

/** Connects everybody, then sends one message and learns from it how long each answer is. */
export async function openStation(
  target: Target,
  options: { role: Role; receivers: number; channelId?: string; apiKey?: string },
): Promise<Station> {
  const { role, channelId = 'live-123456789', apiKey = 'bench' } = options;
  const dialect = dialects[target.dialect];
  const connect = (role: Role, n: number) => {
    const ids = { serverId: `bench-server-${String(n).padStart(6, '0')}`, channelId };
    const name = `${target.name}: ${role} ${n} of ${channelId}`;
    const path = dialect.path(role === 'bot' ? apiKey : 'bench');
    return connectWire(name, target.port, dialect, path, dialect.handshake(role, ids));
  };
  const receivers: Wire[] = [];
  for (let n = 1; n <= options.receivers; n++) {
    receivers.push(await connect(role === 'bot' ? 'mod' : 'bot', n));
  }
  const sender = await connect(role, 0);

  const ids = { serverId: 'bench-server-000000', channelId };
  const frames = Array.from({ length: framesReady }, (_, n) =>
    clientFrame(dialect.message(role, ids, n), dialect.opcode),
  );
  const whole = (text: string) => /(\}|\}\]|\}\r\n|^\+OK\r\n)$/.test(text);
  const deliveries = receivers.map((wire) => wire.readText(whole));
  const acknowledged = await sender.readText(whole, frames[0]);
  const delivered = (await Promise.all(deliveries))[0] ?? '';
  const expected = options.receivers > 0 ? /completed|^\+OK/ : /queued/;
  if (!expected.test(acknowledged)) voidRun(`${sender.name} was told ${acknowledged}`);
  const seen = { delivered, acknowledged };
  const frameBytes = frames[0]!.length;
  return { target, sender, receivers, frames: joined(frames), frameBytes, seen };
}

/** Writes the messages `from`, `from + 1`, … in as few segments as the ready ones allow. */
export function writeFrames(station: Station, from: number, count: number): void {
  const { frames, frameBytes } = station;
  for (const end = from + count; from < end;) {
    const at = from % framesReady;
    const batch = Math.min(end - from, framesReady - at);
    station.sender.write(frames.subarray(at * frameBytes, (at + batch) * frameBytes));
    from += batch;
  }
}

/**
 * Sends bursts of `perBurst` messages in one segment while `more()` says so, each when everything
 * that the one before causes has come back: all deliveries and all acknowledgements. The run is
 * void when that is not done within `timeoutMs`.
 */
export function sendBursts(
  station: Station,
  more: () => boolean,
  timeoutMs: number,
  perBurst = burstFrames,
): Promise<void> {
  const { sender } = station;
  const wires = [sender, ...station.receivers];
  const { promise, resolve } = Promise.withResolvers<void>();
  let missing = 0;
  function next() {
    if (!more()) return resolve();
    missing = wires.length;
    for (const wire of wires) wire.expected += perBurst;
    writeFrames(station, sender.expected - perBurst, perBurst);
  }
  for (const wire of wires) {
    wire.onProgress = () => {
      if (wire.received === wire.expected && --missing === 0) next();
    };
  }
  next();
  return inTime(promise, timeoutMs, () => stillMissing(station));
}

/** `more` for a number of bursts. */
export function times(count: number): () => boolean {
  return () => count-- > 0;
}

export function stillMissing(station: Station): string {
  return [station.sender, ...station.receivers]
    .filter((wire) => wire.received !== wire.expected)
    .map((wire) => `${wire.name}: ${wire.received} of ${wire.expected}`)
    .join(', ');
}

/** Waits for what would come too much (it voids the run), counts, and closes everything. */
export async function closeStations(stations: readonly Station[]): Promise<Account> {
  await Bun.sleep(50);
  const account = { sent: 0, acknowledged: 0, delivered: 0, pingsAnswered: 0 };
  for (const { sender, receivers } of stations) {
    account.sent += sender.expected;
    account.acknowledged += sender.received;
    for (const wire of receivers) account.delivered += wire.received;
    for (const wire of [sender, ...receivers]) {
      if (wire.received !== wire.expected) voidRun(stillMissing({ sender, receivers } as Station));
      account.pingsAnswered += wire.pings;
      wire.end();
    }
  }
  return account;
}
