/** Why a body could not be read. `gone`: its client left. */
export type BodyProblem = 'tooLarge' | 'tooSlow' | 'notUtf8' | 'gone';

export interface BodyLimits {
  bytesMax: number;
  /** For the whole of it, so that a byte now and then does not hold a connection. */
  timeoutMs: number;
}

/** The body of a request as text. Never keeps more than `bytesMax` of it. */
export async function readText(
  request: Request,
  { bytesMax, timeoutMs }: BodyLimits,
): Promise<string | { problem: BodyProblem }> {
  const length = request.headers.get('content-length');
  if (Number(length) > bytesMax) return { problem: 'tooLarge' };
  let timer: Timer | undefined;
  const tooLate = new Promise<{ problem: BodyProblem }>((resolve) => {
    timer = setTimeout(() => resolve({ problem: 'tooSlow' }), timeoutMs);
  });
  try {
    const reading = length === null ? collect(request, bytesMax) : request.arrayBuffer();
    const bytes = await Promise.race([reading, tooLate]);
    return 'problem' in bytes ? bytes : decode(bytes);
  } catch {
    return { problem: 'gone' };
  } finally {
    clearTimeout(timer);
  }
}

/** For a body that does not say how long it is. */
async function collect(
  request: Request,
  bytesMax: number,
): Promise<Uint8Array | { problem: BodyProblem }> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (request.body === null) return new Uint8Array();
  for await (const part of request.body) {
    length += part.length;
    if (length > bytesMax) return { problem: 'tooLarge' };
    parts.push(part);
  }
  return Buffer.concat(parts);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: ArrayBuffer | Uint8Array): string | { problem: BodyProblem } {
  try {
    return utf8.decode(bytes);
  } catch {
    return { problem: 'notUtf8' };
  }
}

/** Whether its `Content-Type` is `application/json`, with any parameters. */
export function isJsonRequest(headers: Headers): boolean {
  return /^application\/json[ \t]*(?:;|$)/i.test(headers.get('content-type') ?? '');
}
