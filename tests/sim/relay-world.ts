import type { Delivery } from '../../src/delivery/delivery.ts';
import { RelayFrames } from '../../src/relay/messages.ts';
import { Relay } from '../../src/relay/relay.ts';
import type { RelayKey, RelayLimits } from '../../src/relay/seat.ts';
import type { Topics } from '../../src/sockets/ports.ts';
import { SimClock } from './clock.ts';
import { crowd, type Crowded, isPushedOut, storedBytes } from './crowding.ts';
import { SeededRandom } from './random.ts';
import { type ClientPorts, type Manners, SimClient } from './relay-client.ts';
import { WeatheredStore } from './weather.ts';

type BytesMax = Pick<RelayLimits, 'ringBytesMax' | 'keyRingBytesMax' | 'unreceiptedBytesMax'>;

const limits: Omit<RelayLimits, 'queueMax' | keyof BytesMax> = {
  handshakeTimeoutMs: 5000,
  pingIntervalMs: 3000,
  readDeadlineMs: 6000,
  botCheckTimeoutMs: 500,
  receiptIntervalMs: 100,
  slowBytes: 700,
  tooSlowBytes: 5000,
  slowTimeoutMs: 3000,
  rateLimit: 0,
  rateLimitTimeoutMs: 10_000,
  unacknowledgedMax: 1024,
  waitingFramesMax: 1024,
  ringsMax: 10_000,
};

const keys: readonly RelayKey[] = [{ name: 'one' }, { name: 'two' }];
/** No delivered message of these worlds has more. */
const messageBytesMax = 450;
const frames = new RelayFrames({ idLengthMax: 128, jsonDepthMax: 64 });

/** A message as an observer with perfect knowledge sees it. */
interface Seen extends Crowded {
  id: string;
  lane: string;
  /** Its place among the messages of its lane, as the server took them. */
  index: number;
  answer: 'completed' | 'queued' | 'failed' | undefined;
  /** Some client read it. */
  received: boolean;
  /** A crash may have taken it: only memory had it. */
  mayBeLost: boolean;
  /** An operator dropped it with its queue, and the store has agreed. */
  isDropped: boolean;
  /** It is known only to the store: a crash may have taken the knowledge of its receipt. */
  mayRepeat: boolean;
  /** Mods that were there when it came. */
  present: SimClient[];
  /** Who was sent it, in order. */
  sentTo: SimClient[];
  /** Who had it and could still confirm it when a newcomer was sent it too. */
  doubled: Set<SimClient>;
}

export interface Weather {
  /** No client is slow, silent or leaves; the process does not stop. */
  calm: boolean;
  /** One channel, many mods that stall and read on. */
  crowded: boolean;
  queueMax: number;
  steps: number;
}

/**
 * A world of mods and bots around the real relay core, and an observer that holds it to its
 * promises.
 */
export class RelayWorld {
  private readonly random: SeededRandom;
  private readonly clock = new SimClock(() => this.uncork());
  private readonly store: WeatheredStore;
  private readonly weather: Weather;
  private readonly bytesMax: BytesMax;
  private relay!: Relay;
  private isDraining = false;
  private readonly clients: SimClient[] = [];
  private readonly seen = new Map<string, Seen>();
  private readonly lanes = new Map<string, Seen[]>();
  /** What each drop that is under way may take. */
  private readonly dropping = new Set<readonly Seen[]>();
  private serial = 0;
  private firstBroken: string | undefined;

  constructor(seed: number, weather: Partial<Weather> = {}) {
    const random = new SeededRandom(seed);
    this.random = random;
    this.weather = {
      calm: random.chance(0.25),
      crowded: random.chance(0.4),
      queueMax: random.pick([1, 2, 3, 8, 8]),
      steps: random.whole(30, 110),
      ...weather,
    };
    const unreceiptedBytesMax = random.chance(0.15) ? 600 : 1 << 30;
    this.bytesMax = random.chance(0.25)
      ? {
          ringBytesMax: random.pick([500, 3000]),
          keyRingBytesMax: random.pick([500, 1000, 3000]),
          unreceiptedBytesMax: random.pick([200, 1200, unreceiptedBytesMax]),
        }
      : { ringBytesMax: 1 << 30, keyRingBytesMax: 1 << 30, unreceiptedBytesMax };
    this.store = new WeatheredStore(this.clock, random, random.pick([0, 5, 40, 300]));
  }

  /** Lives the whole life; resolves with the first promise that was broken. */
  async run(): Promise<string | undefined> {
    await this.startRelay();
    for (let i = 0; i < this.weather.steps && this.firstBroken === undefined; i++) {
      await this.step();
      await this.clock.run(this.random.pick([0, 1, 5, 30, 120, 700]));
      this.judgeBytes();
    }
    await this.settle();
    this.judge();
    return this.firstBroken;
  }

  private broke(promise: string): void {
    this.firstBroken ??= promise;
  }

  private async startRelay(): Promise<void> {
    const topics: Topics = {
      publish: (topic, text) => {
        for (const client of this.clients) if (client.topics.has(topic)) client.send(text);
      },
    };
    this.relay = new Relay(
      { clock: this.clock, topics, store: this.store.connect(), frames, report: () => {} },
      { ...limits, ...this.bytesMax, queueMax: this.weather.queueMax },
    );
    this.isDraining = false;
    await this.relay.begin();
  }

  private async step(): Promise<void> {
    const { random } = this;
    const { calm, crowded } = this.weather;
    const open = this.clients.filter(
      (client) => client.isOpen && client.isPresent && client.hasGreeted,
    );
    const anybody = open.length > 0 ? random.pick(open) : undefined;
    const speaker =
      (crowded && random.chance(0.6) && open.find(({ role }) => role === 'bot')) || anybody;
    const dice = random.next();
    if (dice < 0.2 || anybody === undefined || speaker === undefined) this.connect();
    else if (dice < (crowded ? 0.55 : 0.75)) this.talk(speaker);
    else if (!calm && crowded && dice < 0.65) anybody.isStalled = true;
    else if (!calm && crowded && dice < 0.77) for (const client of open) client.resume();
    else if (dice < 0.8) this.store.failing = random.pick([0, 0, 0.1, 0.5, 1]);
    else if (calm) return;
    else if (dice < 0.86) anybody.vanish(random.pick([undefined, undefined, 0, 50, 2000]));
    else if (dice < 0.92) anybody.isStalled = true;
    else if (dice < 0.955) anybody.resume();
    else if (dice < 0.97) this.dropQueue();
    else if (dice < 0.985) await this.crash();
    else await this.stop();
  }

  private connect(): void {
    const { random } = this;
    const manners: Manners = {
      kernelBytes: this.weather.calm ? 1 << 20 : random.pick([300, 300, 1500, 1 << 20]),
      latencyMs: random.pick(this.weather.crowded ? [0, 2, 20] : [0, 2, 20, 90]),
      pongs: random.pick(['every', 'every', 'newest', this.weather.calm ? 'every' : 'none']),
      isNoisy: random.chance(0.2),
    };
    const ofBot = this.weather.calm
      ? !this.clients.some(({ role, isOpen }) => role === 'bot' && isOpen)
      : random.chance(0.3);
    const name = `c${this.clients.length}`;
    // In calm worlds nobody takes anybody's place.
    const server = this.weather.calm ? name : random.pick(['s1', 's2', 's3']);
    this.join(ofBot && random.chance(0.6) ? 'bot' : 'mod', name, server, manners);
  }

  private join(
    role: 'mod' | 'bot',
    name: string,
    server: string,
    manners: Manners,
    channel = this.channel(),
  ): SimClient {
    const client = new SimClient(name, manners, this.ports, () => this.clock.now());
    client.role = role;
    client.server = server;
    client.channel = channel;
    this.clients.push(client);
    client.data.seat = this.relay.open(client, this.random.pick(keys));
    const mod = JSON.stringify({ server_id: server, channel_id: channel });
    const hello =
      role === 'bot'
        ? `{"type":"bot","data":{"bot_id":"${name}"}}`
        : `{"type":"mod","data":${mod}}`;
    const greet = () => {
      client.hasGreeted = true;
      client.say(hello);
    };
    // Late enough to be pinged before, now and then.
    const lateMs = name.startsWith('last') ? 0 : this.random.pick([0, 0, 0, 0, 3500]);
    if (lateMs === 0) greet();
    else this.clock.after(lateMs, greet);
    return client;
  }

  private channel(): string {
    return this.weather.crowded ? 'A' : this.random.pick(['A', 'B']);
  }

  private talk(client: SimClient): void {
    const texts: string[] = [];
    for (let n = this.random.whole(1, this.random.chance(0.2) ? 12 : 3); n > 0; n--) {
      const msgId = `m${++this.serial}`;
      const channel =
        client.role === 'bot' || this.random.chance(0.1) ? this.channel() : client.channel;
      const isBroken = this.random.chance(0.03);
      const content = isBroken ? '' : 'x'.repeat(this.random.pick([1, 40, 200]));
      const common = { msg_id: msgId, author: { id: 'u' }, content };
      texts.push(
        JSON.stringify(
          client.role === 'bot'
            ? { ...common, id: channel }
            : { ...common, id: client.server, destination: { channel_id: channel } },
        ),
      );
    }
    client.say(...texts);
  }

  private dropQueue(): void {
    const channel = this.channel();
    this.dropLane('mods', channel, this.relay.toMods);
    this.dropLane('bot', channel, this.relay.toBot);
  }

  /**
   * What waits is gone once the store has agreed, and if it refuses all stays as it was; what is
   * still being committed is promised all the same.
   */
  private dropLane(side: 'mods' | 'bot', channel: string, delivery: Delivery): void {
    const mayGo = (this.lanes.get(`${side} ${channel}`) ?? []).filter(({ id, answer }) => {
      // Its answer may be ready, and wait for that to another message of its sender.
      const isCommitting =
        answer === undefined && this.clients.some(({ expected }) => expected[0] === id);
      return answer !== 'failed' && !isCommitting;
    });
    // What was pushed out may be held for one that is present and reads: that is not the queue.
    const waits = (message: Seen) =>
      message.answer === 'queued' && message.sentTo.length === 0 && !this.isPushedOut(message);
    const waiting = mayGo.filter(waits);
    this.dropping.add(mayGo);
    delivery.clear(channel).then(
      (dropped) => {
        if (!this.dropping.delete(mayGo)) return;
        const least = waiting.filter((message) => !message.mayBeLost && waits(message)).length;
        if (dropped < least) this.broke(`${dropped} dropped of at least ${least} that waited`);
        for (const message of waiting) message.isDropped = true;
        for (const message of mayGo) message.mayBeLost = true;
      },
      () => void this.dropping.delete(mayGo),
    );
  }

  /** The store may have agreed, and nobody was told. */
  private loseDrops(): void {
    for (const mayGo of this.dropping) for (const message of mayGo) message.mayBeLost = true;
    this.dropping.clear();
  }

  private async crash(): Promise<void> {
    for (const client of this.clients) {
      client.lose();
      client.isPresent = false;
    }
    for (const message of this.seen.values()) {
      message.mayRepeat = true;
      if (message.answer !== 'queued') message.mayBeLost = true;
    }
    this.loseDrops();
    this.store.cut();
    await this.startRelay();
  }

  private async stop(): Promise<void> {
    this.store.failing = 0;
    this.isDraining = true;
    const open = this.clients.filter(({ isOpen }) => isOpen);
    let done = false;
    void this.relay.drain(10_000).then(() => {
      done = true;
    });
    await this.clock.run(20_000, () => done);
    if (!done) this.broke('a stop did not end');
    const unanswered = open.find(
      (client) => client.closeCode === 1001 && !client.isWaiting && client.expected.length > 0,
    );
    if (unanswered) this.broke(`the stop left ${unanswered.name} without an answer`);
    const stillOpen = this.clients.find((client) => client.isOpen);
    if (stillOpen) this.broke(`${stillOpen.name} was not closed by the stop`);
    for (const message of this.seen.values()) {
      // What was not answered when the stop began is nobody's promise.
      if (message.answer === undefined) message.mayBeLost = true;
      message.mayRepeat ||= !message.receipted;
    }
    this.loseDrops();
    this.store.cut();
    await this.startRelay();
  }

  /** The weather clears, whoever is silent is found out, and fresh clients fetch what waits. */
  private async settle(): Promise<void> {
    this.store.failing = 0;
    await this.clock.run(limits.readDeadlineMs * 3);
    const silent = this.clients.find((client) => client.isOpen && !client.isPresent);
    if (silent) this.broke(`${silent.name} is gone, and still counts as connected`);
    this.judgePresence();
    for (const client of this.clients) if (client.isOpen) client.vanish(0);
    await this.clock.run(2000);
    const well: Manners = {
      kernelBytes: 1 << 20,
      latencyMs: 1,
      pongs: 'every',
      isNoisy: false,
    };
    this.join('bot', 'last bot', '', well);
    this.join('mod', 'last mod A', 'last', well, 'A');
    this.join('mod', 'last mod B', 'last', well, 'B');
    await this.clock.run(20_000);
  }

  /** Mods that were there and well have everything that came for their channel. */
  private judgePresence(): void {
    if (!this.weather.calm) return;
    for (const message of this.seen.values()) {
      if (message.answer !== 'completed' && message.answer !== 'queued') continue;
      for (const client of message.present)
        if (client.isOpen && !client.received.has(message.id))
          this.broke(`${client.name} was there and never got ${message.id}`);
    }
  }

  private judge(): void {
    for (const message of this.seen.values()) {
      const { id, answer, received, mayBeLost } = message;
      const isPromised = answer === 'queued' || answer === 'completed';
      if (isPromised && !received && !mayBeLost && !this.isPushedOut(message))
        this.broke(`${id}, ${answer}, is lost`);
    }
    for (const client of this.clients)
      if (client.isOpen && client.expected.length > 0)
        this.broke(`${client.name} was never answered ${client.expected[0]}`);
  }

  private isPushedOut(message: Seen): boolean {
    return isPushedOut(message, this.weather.queueMax);
  }

  /** What joins the rings may pass their bounds, by what may be without receipt and no more. */
  private judgeBytes(): void {
    const { ringBytesMax, unreceiptedBytesMax } = this.bytesMax;
    const bytes = storedBytes(this.relay.rings);
    // Both directions have so much without receipt, and each may pass it by a message.
    if (bytes > ringBytesMax + 2 * (unreceiptedBytesMax + messageBytesMax))
      this.broke(`${bytes} bytes in the rings`);
  }

  private uncork(): void {
    for (const client of this.clients) client.uncork();
  }

  private readonly ports: ClientPorts = {
    after: (delayMs, fn) => void this.clock.after(delayMs, fn),
    random: () => this.random,
    onServerSend: (client, text) => this.onServerSend(client, text),
    onRead: (client, text) => {
      const { msg_id: id, status, code } = JSON.parse(text);
      if (status !== undefined || code !== undefined) return;
      client.received.add(id);
      this.seen.get(id)!.received = true;
    },
    toServer: (client, said) => {
      for (const { kind, data } of said) {
        if (!client.isOpen) return;
        if (kind === 'pong') this.onPong(client, data);
        else this.onFrame(client, data);
      }
    },
    serverDrained: (client) => this.relay.drained(client.data.seat as never),
    serverClosed: (client, code) => this.relay.closed(client.data.seat as never, code),
  };

  private onFrame(client: SimClient, text: string): void {
    const { type, msg_id: id, id: from, destination, content } = JSON.parse(text);
    if (type === undefined && !this.isDraining) {
      client.expected.push(id);
      const accept = () => this.accept(client, id, destination?.channel_id ?? from);
      if (content === '') return this.relay.frame(client.data.seat as never, text);
      // The frames of a bot that waits for another's end are taken when it is let in.
      if (client.isWaiting) client.waiting.push(accept);
      else accept();
    } else if (type === 'mod') {
      client.hasJoined = true;
    }
    client.isWaiting ||= type === 'bot';
    if (type !== undefined)
      for (const [lane, messages] of this.lanes) client.joinedAt.set(lane, messages.length);
    this.relay.frame(client.data.seat as never, text);
  }

  private accept(client: SimClient, id: string, channel: string): void {
    const lane = `${client.role === 'bot' ? 'mods' : 'bot'} ${channel}`;
    const messages = this.lanes.get(lane) ?? [];
    this.lanes.set(lane, messages);
    const message: Seen = {
      id,
      lane,
      index: messages.length,
      answer: undefined,
      receipted: false,
      received: false,
      crowds: [],
      isDropped: false,
      mayBeLost: false,
      mayRepeat: false,
      sentTo: [],
      doubled: new Set(),
      present: this.clients.filter(
        (other) =>
          client.role === 'bot' && other.hasJoined && other.isOpen && other.channel === channel,
      ),
    };
    this.seen.set(id, message);
    messages.push(message);
    crowd(messages, this.weather.queueMax);
  }

  private onPong(client: SimClient, payload: string): void {
    const mark = client.pingMarks.get(payload);
    if (mark !== undefined) {
      for (const id of client.sent.slice(client.receiptedTo, mark)) {
        const message = this.seen.get(id)!;
        message.receipted = true;
        if (message.doubled.has(client))
          this.broke(`${id} went to a newcomer, though ${client.name} had it`);
      }
      client.receiptedTo = Math.max(client.receiptedTo, mark);
    }
    this.relay.pong(client.data.seat as never, payload);
  }

  private onServerSend(client: SimClient, text: string): void {
    const { status, code, msg_id: id, type } = JSON.parse(text);
    if (status === 'connected') {
      client.isWaiting = false;
      for (const accept of client.waiting.splice(0)) accept();
    }
    if (status === 'connected' || (code !== undefined && id === undefined)) return;
    if (status !== undefined || code !== undefined) {
      const expected = client.expected.shift();
      if (expected !== id) this.broke(`${client.name}: answer for ${id}, not ${expected}`);
      const message = this.seen.get(id);
      if (code !== undefined) return;
      if (message!.answer !== undefined) this.broke(`${id} answered twice`);
      message!.answer = status;
      if (status === 'failed' && client.received.has(id)) this.broke(`${id} failed, yet sent`);
      return;
    }
    const message = this.seen.get(id)!;
    if ((type === 'bot') !== (client.role === 'mod')) this.broke(`${id} to the wrong side`);
    if (client.role === 'mod' && message.lane !== `mods ${client.channel}`)
      this.broke(`${id} to the wrong channel`);
    if (message.answer === 'failed') this.broke(`${id} is delivered after it failed`);
    if (message.isDropped) this.broke(`${id} is delivered after its queue was dropped`);
    const highest = client.highest.get(message.lane) ?? -1;
    if (message.index <= highest)
      this.broke(`${client.name}: ${id} (${message.index}) after ${highest}`);
    client.highest.set(message.lane, message.index);
    const cameLater = message.index >= (client.joinedAt.get(message.lane) ?? 0);
    if (message.receipted && !cameLater && !message.mayRepeat)
      this.broke(`${client.name}: ${id} again, though received`);
    if (!cameLater)
      for (const holder of message.sentTo) if (holder.isOpen) message.doubled.add(holder);
    message.sentTo.push(client);
    client.sent.push(id);
  }
}
