import { cell } from './cell.ts';

/** A "no" of the server, or of the way to it (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const keyName = 'moonstead-key';

/** Whether the server wants a key that we do not have; the text says why. */
export const keyWanted = cell<string | undefined>(undefined);

/** Kept for this tab only, and never part of a URL. */
export function useKey(key: string): void {
  if (key === '') sessionStorage.removeItem(keyName);
  else sessionStorage.setItem(keyName, key);
  keyWanted.set(undefined);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(keyName) !== null;
}

/** The server's clock minus ours, in ms, as its answers tell it to the second. */
let aheadMs = 0;

/** What time it is for the server, which all times that it tells go by. */
export const serverMs = () => Date.now() + aheadMs;

/** A request to `/api`, with the key if there is one. Rejects with `ApiError` for all but 200. */
export async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const key = sessionStorage.getItem(keyName);
  const headers = { ...options.headers, ...(key !== null && { 'X-API-Key': key }) };
  const response = await fetch(`/api${path}`, { ...options, headers, cache: 'no-store' }).catch(
    (error: Error) => {
      throw new ApiError(0, error.message);
    },
  );
  tellTime(response);
  if (response.ok) return response;
  const { message } = await errorOf(response);
  // What was asked before there was a key, or with another one, says nothing of this one.
  if (response.status === 401 && key === sessionStorage.getItem(keyName)) keyWanted.set(message);
  throw new ApiError(response.status, message);
}

export async function askJson<Value>(path: string, signal?: AbortSignal): Promise<Value> {
  return (await ask(path, { signal })).json() as Promise<Value>;
}

/** Regions, each with the one above it; for this the server wants no key. */
export async function askRegions(signal?: AbortSignal): Promise<Record<string, string>> {
  const answer = await fetch('/region', { signal });
  return (answer.ok ? answer.json() : {}) as Promise<Record<string, string>>;
}

interface Page<Item> {
  items: Item[];
  next: string | null;
}

/** All pages of a list, up to so many entries. */
export async function askAll<Item, Beside = unknown>(
  path: string,
  max: number,
  signal?: AbortSignal,
): Promise<{ items: Item[]; isCut: boolean; first: Beside }> {
  const items: Item[] = [];
  let first: (Page<Item> & Beside) | undefined;
  for (let cursor: string | null = ''; cursor !== null;) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<Item> & Beside = await askJson(`${path}?limit=1000${after}`, signal);
    first ??= page;
    items.push(...page.items);
    cursor = page.next;
    if (items.length >= max) return { items, isCut: cursor !== null, first };
  }
  return { items, isCut: false, first: first! };
}

function tellTime({ headers }: Response): void {
  const date = headers.get('date');
  if (date === null) return;
  const nowMs = Date.parse(date) + 500;
  // Within what a whole second cannot tell, nothing changes.
  if (Math.abs(nowMs - serverMs()) > 1_500) aheadMs = nowMs - Date.now();
}

async function errorOf(response: Response): Promise<{ message: string }> {
  const body = await response.json().catch(() => undefined);
  return { message: body?.error?.message ?? `The server answered ${response.status}.` };
}
