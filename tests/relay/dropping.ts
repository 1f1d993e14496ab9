import { expect } from 'bun:test';
import { waitingIn } from '../../src/delivery/ring-rows.ts';
import { relayShown } from '../../src/relay/shown.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { RingStore } from '../../src/store/store.ts';
import type { Stage } from './stage.ts';

/** What the store's `drop` is asked. */
export type Drop = Parameters<RingStore['drop']>;
type Call = (...args: never) => Promise<void>;

/** Drops a channel's queue as an operator does. */
export const dropper = ({ relay, clock }: Stage) => {
  const [action] = relayShown(relay, clock).actions!;
  return (channel = '100') => action!.act({ channel }, undefined) as Promise<any>;
};

/** What a promise has come to so far. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => (outcome.value = value),
    (error) => (outcome.error = error),
  );
  return outcome;
}

/** A store of which one kind of call waits for a gate. */
export function gated(what: 'put' | 'drop'): {
  rings: RingStore;
  gate: PromiseWithResolvers<void>;
} {
  const { rings } = memoryStore();
  const gate = Promise.withResolvers<void>();
  const slow = (...args: never) => gate.promise.then(() => (rings[what] as Call)(...args));
  return { rings: { ...rings, [what]: slow }, gate };
}

/** A store that lets go of nothing until it is well. */
export function sickly(): { rings: RingStore; sick: { isWell: boolean } } {
  const { rings } = memoryStore();
  const sick = { isWell: false };
  const drop = (...args: Drop) =>
    sick.isWell ? rings.drop(...args) : Promise.reject(new Error('full'));
  return { rings: { ...rings, drop }, sick };
}

/** Texts that the store has for the bot, by position. */
export async function storedIn(rings: RingStore): Promise<string[]> {
  const rows = await rings.read('relay/bot/100', 0, 1 << 30);
  return rows.map(({ text }) => JSON.parse(text).content);
}

/** What operators are shown of what waits for the bot, and of what they dropped. */
export function shows({ relay }: Stage) {
  const waiting = waitingIn(relay.rings.get('relay/bot/100'));
  expect(relay.rings.bounds.rows).toBe(waiting);
  return { waiting, dropped: relay.toBot.counts.cleared };
}
