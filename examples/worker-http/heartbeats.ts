import { setTimeout as sleep } from 'node:timers/promises';
import { backOff } from '../link.ts';
import type { Registration } from '../worker-flags.ts';

export interface HeartbeatOptions {
  /** Where `POST /client/heartbeat` is. */
  address: URL;
  registration: Registration;
  heartbeatMs: number;
  /** The first wait after a failure; it doubles up to 30 times this, and never above `heartbeatMs`. */
  backOffMs: number;
  /** Takes one sentence for the user. */
  say: (text: string) => void;
  signal: AbortSignal;
}

/** After these, trying again could only fail again. */
const finalStatuses = [400, 401, 403];
const answerMs = 10_000;

/**
 * Registers with Moonstead, and stays so. Resolves with undefined after `signal`, else with the
 * reason why it was refused for good.
 */
export async function keepRegistered(options: HeartbeatOptions): Promise<string | undefined> {
  const { address, heartbeatMs, backOffMs, say, signal } = options;
  let isRegistered = false;
  let failures = 0;
  while (!signal.aborted) {
    const { status, words } = await heartbeat(options);
    if (signal.aborted) break;
    if (finalStatuses.includes(status)) return `the server refuses this worker: ${words}`;
    let waitMs = heartbeatMs;
    if (status === 200) {
      if (!isRegistered) say(`registered at ${address.origin} as ${words}`);
      failures = 0;
    } else {
      waitMs = Math.min(heartbeatMs, backOff(++failures, backOffMs));
      say(`no heartbeat at ${address.origin}: ${words}; trying again in ${waitMs} ms`);
    }
    isRegistered = status === 200;
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** The status of the answer (0: there was none), and our node_id or what is wrong. */
async function heartbeat(options: HeartbeatOptions): Promise<{ status: number; words: string }> {
  try {
    const response = await fetch(options.address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(options.registration),
      redirect: 'manual', // the token is for this server only
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(answerMs)]),
    });
    const { status } = response;
    const answer = await response.json().catch(() => ({}));
    const { node_id, error = 'no words', detail } = answer as Record<string, string | undefined>;
    const reason = detail === undefined ? error : `${error} ${detail}`;
    return { status, words: status === 200 ? String(node_id) : `${reason} (${status})` };
  } catch (error) {
    return { status: 0, words: (error as Error).message };
  }
}
