import type { Frame } from './frames.ts';

export interface Account {
  /** `http://host:port/auth` */
  auth: URL;
  userId: string;
  /** Whoever comes first with one owns the userId. */
  secret: string | undefined;
}

/** A token; or why there is none, and whether another try could do better (`waitMs`: not before). */
export type Login = { token: string } | { problem: string; isFinal: boolean; waitMs?: number };

const answerMs = 10_000;

/** Asks for a session. Never rejects. */
export async function login({ auth, userId, secret }: Account, stop: AbortSignal): Promise<Login> {
  const fields = { type: 'auth', userId, secret };
  try {
    const response = await post(
      auth,
      fields,
      AbortSignal.any([stop, AbortSignal.timeout(answerMs)]),
    );
    const { token, message, detail = '' } = ((await response.json()) ?? {}) as Partial<Frame>;
    const { ok, status, headers } = response;
    if (ok && typeof token === 'string') return { token };
    const problem = `${message} ${detail}`.trim() + ` (${status})`;
    const waitMs = Number(headers.get('Retry-After') ?? 0) * 1000;
    return { problem, isFinal: status < 500 && status !== 429, waitMs };
  } catch (error) {
    return { problem: (error as Error).message, isFinal: false };
  }
}

/** Ends a session, if the server is there. Never rejects. */
export async function logout({ auth }: Account, token: string): Promise<void> {
  const signal = AbortSignal.timeout(1_000);
  await post(auth, { type: 'logout', token }, signal).catch(() => {});
}

function post(auth: URL, fields: object, signal: AbortSignal): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(auth, { method: 'POST', headers, body: JSON.stringify(fields), signal });
}
