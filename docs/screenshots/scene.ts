import { FileContent } from '../../tests/support/file-content.ts';
import { FilePeer } from '../../tests/support/file-peer.ts';
import { type Moonstead, until } from '../../tests/support/moonstead.ts';
import { RelayClient, botMessage, modMessage } from '../../tests/support/relay-client.ts';
import { SeededRandom } from '../../tests/sim/random.ts';

const sceneToken = 'token-of-the-scene';
const sceneBotKey = 'gateway';

const regions = ['us-east-1', 'us-west-1', 'eu-west-1', 'ap-southeast-1'];
const names = [
  ...['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'],
  ...['mallory', 'niaj', 'olivia', 'peggy', 'rupert', 'sybil', 'trent', 'victor', 'walter'],
];
const worlds = ['survival', 'creative', 'skyblock', 'lobby', 'minigames', 'hardcore', 'modded'];
const files: [from: string, to: string, fileName: string, bytes: number][] = [
  ['alice', 'bob', 'castle.schematic', 24e6],
  ['carol', 'erin', 'world-2026-11.zip', 96e6],
  ['frank', 'grace', 'texture-pack.zip', 48e6],
];

/** Settings that it needs. */
export const sceneToml = '[server]\ninstance_name = "harbour"\n[gateway]\nqueue_max = 200\n';
export const sceneMls = {
  tokens: [sceneToken],
  eject_failures: 1,
  eject_time: 3600,
  eject_time_max: 3600,
};

/** Life on a server that has just been started: always the same people, as busy as the seed has it. */
export class Scene {
  private readonly random = new SeededRandom(15);
  private readonly leaving: (() => unknown)[] = [];
  private bot!: RelayClient;
  private readonly mods: { channel: string; id: string; mod: RelayClient }[] = [];
  private readonly players: RelayClient[] = [];
  private stumbles = 0;

  constructor(private readonly server: Moonstead) {}

  async begin(): Promise<void> {
    await this.relay();
    await this.workers();
    await this.people();
    this.often(120, () => this.chat());
    this.often(60, () => this.task());
    this.often(2_500, () => this.stumble());
  }

  async end(): Promise<void> {
    for (const leave of this.leaving.splice(0).reverse()) await leave();
  }

  private often(ms: number, act: () => unknown): void {
    const timer = setInterval(act, ms);
    this.leaving.push(() => clearInterval(timer));
  }

  private pick<Item>(items: readonly Item[]): Item {
    return items[this.random.whole(0, items.length - 1)]!;
  }

  private async relay(): Promise<void> {
    this.bot = await RelayClient.bot(this.server.sync(sceneBotKey), 'harbour-bot');
    for (const [i, world] of worlds.entries()) {
      const channel = `11842077${1000 + 137 * i}`;
      for (let n = 1; n <= 1 + (i % 3); n++) {
        const id = `${world}-${n}`;
        const mod = await RelayClient.mod(this.server.sync(sceneBotKey), id, channel);
        this.mods.push({ channel, id, mod });
      }
    }
    // Channels whose game servers are away.
    for (const [channel, waiting] of Object.entries({
      9034417: 14,
      9034518: 5,
      9034619: 31,
      9034720: 3,
    }))
      for (let i = 0; i < waiting; i++)
        this.bot.say(botMessage(`w-${channel}-${i}`, 'for later', { id: channel }));
    const leaving = [this.bot, ...this.mods.map(({ mod }) => mod)];
    this.leaving.push(() => leaving.forEach(({ socket }) => socket.close()));
  }

  /** One program with many names; two names lead to nobody. */
  private async workers(): Promise<void> {
    const worker = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async () => {
        await Bun.sleep(this.random.whole(4, 90));
        return Response.json({ done: true, words: this.random.whole(1, 900) });
      },
    });
    this.leaving.push(() => worker.stop(true));
    const register = (region: string, node_id: string, port: number) =>
      this.post('/client/heartbeat', {
        ...{ token: sceneToken, region, node_id, port },
        ...{ weight: this.random.whole(1, 10), max_concurrency: this.pick([0, 4, 8, 16]) },
      });
    const all = Array.from({ length: 60 }, (_, i) => {
      const region = regions[i % regions.length]!;
      const number = String(Math.floor(i / regions.length) + 1).padStart(2, '0');
      const port = i % 19 === 7 ? 1 : worker.port!;
      return () => register(region, `${region}-${number}`, port);
    });
    for (const one of all) await one();
    this.often(20_000, () => all.forEach((one) => void one()));
    for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 20 }, () => this.task()));
  }

  private async people(): Promise<void> {
    const entered: Record<string, string> = {};
    for (const userId of names) {
      const { token } = await this.post('/auth', { type: 'auth', userId });
      entered[userId] = token;
    }
    const leaveWith = (it: unknown, leave: (it: never) => unknown) =>
      this.leaving.push(() => leave(it as never));
    const game = { server: this.server, guest: leaveWith } as never;
    const busy = new Set(files.flatMap(([from, to]) => [from, to]));
    for (const userId of names.filter((one) => !busy.has(one))) {
      const player = await RelayClient.open(`ws://127.0.0.1:${this.server.port}/player`);
      const userName = userId[0]!.toUpperCase() + userId.slice(1);
      player.say({ type: 'session_auth', token: entered[userId], protocol: 2, userName });
      await player.next(({ type }) => type === 'user_list_update');
      this.players.push(player);
      this.leaving.push(() => player.socket.close());
    }
    for (const [i, [from, to, fileName, bytes]] of files.entries()) {
      const [sender, target] = [
        await FilePeer.enter(game, entered[from]!),
        await FilePeer.enter(game, entered[to]!),
      ];
      target.readAtMost(200_000);
      const id = String(i + 1).padStart(32, '0');
      const content = new FileContent(bytes, i);
      const begin = { targetUserId: to, fileName, fileSize: bytes, transferId: id };
      sender.say({ type: 'file_send_begin', ...begin });
      await sender.next('file_receive_ready');
      const part = i === 0 ? bytes : Math.floor(bytes * this.pick([0.3, 0.55, 0.7]));
      await sender.bytes(id, content, 0, part);
      if (part < bytes) continue;
      sender.say({ type: 'file_send_complete', transferId: id });
      await until('some of it to have come', () => target.given.bytes > bytes / 12);
    }
  }

  private chat(): void {
    const { channel, id: server, mod } = this.pick(this.mods);
    const id = crypto.randomUUID();
    for (let i = this.random.whole(0, 4); i > 0; i--) {
      const more = { id: server, destination: { channel_id: channel } };
      mod.say(modMessage(`${id}-${i}`, 'hello', more));
    }
    this.bot.say(botMessage(id, 'hello too', { id: channel }));
    const targetUserId = this.pick(names);
    this.pick(this.players).say({ type: 'message', targetUserId, data: 'hi', msg_id: id });
  }

  private async task(): Promise<void> {
    await this.post('/task/request', { region: this.pick(regions), payload: { action: 'count' } });
  }

  /** What goes wrong on a good day. */
  private async stumble(): Promise<void> {
    const key = 'wrong';
    const acts: (() => unknown)[] = [
      () => this.post('/client/heartbeat', { token: 'old', region: 'eu-west-1', port: 3000 }),
      () => fetch(`${this.server.http}/sync?api_key=${key}`),
      () => this.post('/task/request', { region: 5 }),
      () => this.players[0]!.say({ type: 'message' }),
      () => this.bot.say(botMessage(crypto.randomUUID(), 'for later', { id: '9034619' })),
    ];
    await acts[this.stumbles++ % acts.length]!();
  }

  private async post(path: string, body: object): Promise<any> {
    const answer = await fetch(`${this.server.http}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return answer.json();
  }
}
