import type { Refusal } from '../refusal.ts';
import { relayRefusals } from './messages.ts';

/** Refusals by the word that stands for each in the metrics. */
const words = {
  bad_key: relayRefusals.badKey,
  not_upgrading: relayRefusals.notUpgrading,
  malformed_handshake: relayRefusals.malformedHandshake,
  handshake_timeout: relayRefusals.handshakeTimeout,
  handshake_forbidden: relayRefusals.handshakeForbidden,
  bot_connected: relayRefusals.botConnected,
  malformed_message: relayRefusals.malformedMessage,
  forbidden: relayRefusals.forbidden,
  too_many_messages: relayRefusals.tooManyMessages,
  floods: relayRefusals.floods,
} as const;

/** What the relay counts beside its deliveries. */
export class RelayCounts {
  /** Mods that are connected. */
  mods = 0;
  /** Connections that were closed because they did not read. */
  closedSlow = 0;
  private readonly refusals = new Map<Refusal, number>();

  refuse(refusal: Refusal): void {
    this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1);
  }

  /** How often each was said since the start. */
  refused(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(words).map(([word, refusal]) => [word, this.refusals.get(refusal) ?? 0]),
    );
  }
}
