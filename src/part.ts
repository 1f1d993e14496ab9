import type { Elysia } from 'elysia';
import type { Part as PartName } from './config/listeners.ts';
import type { Config } from './config/schema.ts';
import type { Mls } from './config/mls.ts';
import type { Log } from './log.ts';
import type { MakeTiming, Shown } from './shown.ts';
import type { SocketData, Sockets } from './sockets/accept.ts';
import type { Topics } from './sockets/ports.ts';
import type { Self } from './status/stats.ts';
import type { Store } from './store/store.ts';

/** What one part of the program gives to the whole. */
export interface Part {
  name: PartName;
  app: Elysia;
  /** Routes that it has on the listener of another part. */
  beside?: { part: PartName; apps: readonly Elysia[] };
  /** Its listener's server, bound when that exists. */
  served: Served;
  /** What it hands over to the status API. */
  shown: Shown;
  socketBytesMax: number;
  /** Ends its connections within `budgetMs`, losing nothing. */
  drain(budgetMs: number): Promise<void>;
}

/** What one part hands to those that are made after it. */
export interface Crossing {
  /** From the sessions to the players: a connection uses the session of a token. */
  enterSession?: (
    token: string,
    onEnd: () => void,
  ) => { userId: string; leave(): void } | undefined;
}

/** What every part is made from. */
export interface Whole {
  crossing: Crossing;
  config: Config;
  mls: Mls;
  store: Store;
  sockets: Sockets;
  log: Log;
  timing: MakeTiming;
  self: Self;
}

/** The server of a part's listener, which there is only once all parts are made. */
export class Served implements Topics {
  private bound: Bun.Server<SocketData> | undefined;

  bind(server: Bun.Server<SocketData>): void {
    this.bound = server;
  }

  /** For what a request causes: there was a server to take it. */
  get server(): Bun.Server<SocketData> {
    return this.bound!;
  }

  publish(topic: string, text: string): void {
    this.bound?.publish(topic, text);
  }
}
