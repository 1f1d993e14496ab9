/** What a "no" is. Each feature lists its own; the pages in docs/ show them all, and tests compare. */
export interface Refusal {
  /** The error's number on the wire: an HTTP status, or its like in a frame. */
  code: number;
  message: string;
  /** When the connection ends with it, its WebSocket close code. */
  close?: number;
  /** Whether the same client, unchanged, may try again later with hope. */
  retry: boolean;
}

/** The HTTP answer of a refusal before an upgrade: the relay's own error shape. */
export function refusedResponse(refusal: Refusal): Response {
  const headers: Record<string, string> = refusal.retry ? { 'Retry-After': '5' } : {};
  if (refusal.code === 426) headers.Upgrade = 'websocket';
  const { message, code } = refusal;
  return Response.json({ message, code }, { status: code, headers });
}

/** Counts by the names of refusals, by words as metrics have them: `badToken` is `bad_token`. */
export function byWord(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      count,
    ]),
  );
}
