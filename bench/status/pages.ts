import { voidRun } from '../harness/void-run.ts';
import { tokensOf } from '../players/tokens.ts';

/** A page of a list: how to ask for it, and what the answer is. */
export interface Page {
  path: string;
  body: string;
}

/** Begins so many sessions, of a user each, and reads the list to its end: every user once. */
export async function pagesOf(port: number, sessions: number): Promise<Page[]> {
  const users = Array.from({ length: sessions }, (_, n) => `user-${String(n).padStart(6, '0')}`);
  await tokensOf(port, users);
  const pages: Page[] = [];
  const left = new Set(users);
  let next: string | null = '';
  while (next !== null) {
    const path: string = next === '' ? '/sessions' : `/sessions?cursor=${next}`;
    const body = await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    const page = JSON.parse(body) as { items?: { userId: string }[]; next: string | null };
    if (page.items === undefined) voidRun(`${path}: ${body}`);
    for (const { userId } of page.items)
      if (!left.delete(userId)) voidRun(`${path} has ${userId}, who is listed already or nobody`);
    pages.push({ path, body });
    next = page.next;
  }
  if (left.size > 0) voidRun(`${left.size} of ${sessions} sessions are not in the list`);
  return pages;
}
