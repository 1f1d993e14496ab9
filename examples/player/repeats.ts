import type { Frame } from './frames.ts';

/**
 * Tells messages that came before: what had no receipt when a connection broke comes again. The
 * last `seenMax` are remembered; a reconnect repeats far fewer.
 */
export function createRepeats(seenMax = 10_000): (message: Frame) => boolean {
  const seen = new Set<string>();
  return ({ fromUserId, msg_id: id }) => {
    const key = JSON.stringify([fromUserId, id]);
    if (seen.has(key)) return true;
    seen.add(key);
    if (seen.size > seenMax) for (const oldest of seen.values().take(1)) seen.delete(oldest);
    return false;
  };
}
