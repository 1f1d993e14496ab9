import { expect, test } from 'bun:test';
import { runLoad } from '../../bench/harness/run-load.ts';

interface Behaviour {
  /** What becomes of the list of users. */
  list?: (users: string[]) => string[];
  /** The 6th page is answered like this. */
  answers?: (text: string) => string[];
  /** What a reader is told instead of the 40th session; whom of the two it happens to. */
  told?: (event: string) => string[];
  reader?: number;
  /** The 40th session begins like this. */
  begun?: { status: string };
}

const pageSize = 100;

function text(body: string, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

const chunk = (part: string) => `${part.length.toString(16)}\r\n${part}\r\n`;
const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';

/** A status API, byte by byte, that gets one thing wrong, if told to. */
function statusServer({ list, answers, told, reader = 1, begun }: Behaviour) {
  const users: string[] = [];
  const readers: ((event: string) => void)[] = [];
  let pages = 0;

  function begin(userId: string): string[] {
    users.push(userId);
    const nth = users.length;
    const data = JSON.stringify({ event: 'session_begun', userId });
    const event = `id: run-${nth}\nevent: session\ndata: ${data}\n\n`;
    for (const [n, tell] of readers.entries()) {
      const isWrong = nth === 40 && n === reader && told !== undefined;
      for (const one of isWrong ? told(event) : [event]) tell(one);
    }
    const status = nth === 40 ? begun?.status : undefined;
    return [text(JSON.stringify({ token: `token of ${userId}` }), status)];
  }

  function page(path: string): string[] {
    const from = Number(/cursor=(\d+)/.exec(path)?.[1] ?? 0);
    const shown = list === undefined ? users : list([...users]);
    const items = shown.slice(from, from + pageSize).map((userId) => ({ userId }));
    const next = from + pageSize < shown.length ? String(from + pageSize) : null;
    const answer = text(JSON.stringify({ items, next }));
    return ++pages === 6 && answers !== undefined ? answers(answer) : [answer];
  }

  function answer(write: (bytes: string) => void, path: string, body: string): string[] {
    if (path === '/auth') return begin(JSON.parse(body).userId);
    if (path.startsWith('/sessions')) return page(path);
    // Cut in two, so that an event may begin in one piece and end in another.
    readers.push((event) => [event.slice(0, 30), event.slice(30)].map(chunk).forEach(write));
    return [streamHead, chunk(': hello\n\n')];
  }

  return Bun.listen<{ text: string }>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open: (socket) => void (socket.data = { text: '' }),
      data(socket, bytes) {
        let { text } = socket.data;
        text += bytes.toString('latin1');
        for (let at = text.indexOf('\r\n\r\n'); at >= 0; at = text.indexOf('\r\n\r\n')) {
          const head = text.slice(0, at);
          const end = at + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
          if (end > text.length) break;
          const path = head.split(' ', 2)[1]!;
          const write = (more: string) => void socket.write(more);
          answer(write, path, text.slice(at + 4, end)).forEach(write);
          text = text.slice(end);
        }
        socket.data.text = text;
      },
    },
  });
}

const plan = { pairs: 1, pairMs: 20, warmMs: 10, turnMs: 4 };
/** For what never comes; whatever does come may take longer. */
const brief = { waitMs: 300 };

async function load<R>(behaviour: Behaviour, run: (port: number) => Promise<R>): Promise<R> {
  const server = statusServer(behaviour);
  try {
    return await run(server.port);
  } finally {
    server.stop(true);
  }
}

const pagesOf = (behaviour: Behaviour, wait = {}, page: 'first' | 'last' = 'first') =>
  load(behaviour, (port) => {
    const target = { name: 'a server', port, pid: process.pid, sessions: 150, page };
    const paced = { pairs: page === 'first' ? 1 : 0, pairMs: 20, turnMs: 10 };
    const targets = [target];
    return runLoad({ kind: 'status-list', targets, askers: 4, paced, ...plan, ...wait });
  });

const events = (behaviour: Behaviour, wait = {}, readers = 2) =>
  load(behaviour, (port) => {
    const targets = [{ name: 'a server', port, pid: process.pid, readers }];
    return runLoad({ kind: 'status-live', targets, ...plan, ...wait });
  });

test.each(['first', 'last'] as const)('every answer with the %s page is counted', async (page) => {
  const { account, pairs, paced, pageBytes } = await pagesOf({}, {}, page);
  expect(account.asked).toBeGreaterThanOrEqual(4 + 4);
  expect(account.answered).toBe(account.asked);
  expect(account.listed).toBe(150);
  expect(pairs).toHaveLength(1);
  expect(pairs[0]![0]!.perSecond).toBeGreaterThan(0);
  expect(paced.flat().map(({ deliveries }) => deliveries > 0)).toEqual(
    page === 'first' ? [true] : [],
  );
  const users = page === 'first' ? 100 : 50;
  const next = page === 'first' ? '"100"' : 'null';
  const items = Array(users).fill('{"userId":"user-000000"}').join();
  expect(pageBytes).toEqual([`{"items":[${items}],"next":${next}}`.length]);
});

test('a page without an answer voids the run', async () => {
  await expect(pagesOf({ answers: () => [] }, brief)).rejects.toThrow(
    /void: waited \d+ ms for a server: (\d+) pages asked for, (?!\1)\d+ answered/,
  );
});

test('a page that is answered twice voids the run', async () => {
  await expect(pagesOf({ answers: (text) => [text, text] })).rejects.toThrow(
    'void: a server: an answer to nothing',
  );
});

test('a page with another user voids the run', async () => {
  const answers = (text: string) => [text.replace('user-000007', 'user-000177')];
  await expect(pagesOf({ answers })).rejects.toThrow('void: a server: another page');
});

test('a page with another status voids the run', async () => {
  const answers = (text: string) => [text.replace('200 OK', '203 OK')];
  await expect(pagesOf({ answers })).rejects.toThrow('void: a server: another page, HTTP/1.1 203');
});

test('a session that is not in the list voids the run', async () => {
  await expect(pagesOf({ list: (users) => users.slice(0, -1) })).rejects.toThrow(
    'void: 1 of 150 sessions are not in the list',
  );
});

test('a session that is in the list twice voids the run', async () => {
  const list = (users: string[]) => [...users, users[0]!];
  await expect(pagesOf({ list })).rejects.toThrow(/void: \/sessions\?cursor=100 has user-0/);
});

test.each([0, 1, 3])('every event is counted for each of %i readers', async (readers) => {
  const { account, pairs } = await events({}, {}, readers);
  expect(account.asked).toBeGreaterThanOrEqual(2 * 64);
  expect(account.asked % 64).toBe(0);
  expect(account.begun).toBe(account.asked);
  expect(account.told).toBe(readers * account.asked);
  expect(pairs[0]![0]!.cpuNsEach).toBeGreaterThan(0);
});

test('one event too many voids the run', async () => {
  await expect(events({ told: (event) => [event, event] })).rejects.toThrow(
    /void: a server: reader 1 was told of (\d+) sessions, not (?!\1)\d+/,
  );
});

test('one event too few voids the run', async () => {
  await expect(events({ told: () => [] }, brief)).rejects.toThrow(
    'void: waited 300 ms for a server: 64 sessions asked for, 64 begun, 63 told of at least',
  );
});

test('an event of another user in place of the one that is due voids the run', async () => {
  const told = (event: string) => [event.replace(/user-\d+/, 'user-000000')];
  await expect(events({ told, reader: 0 })).rejects.toThrow(
    'void: a server: reader 0 was told of a user twice, not of another',
  );
});

test('an event of another kind voids the run', async () => {
  const told = (event: string) => [event, 'event: missed\ndata: {}\n\n'];
  await expect(events({ told })).rejects.toThrow('void: a server: reader 1 got event: missed');
});

test('a session that is refused voids the run', async () => {
  await expect(events({ begun: { status: '429 Too Many Requests' } })).rejects.toThrow(
    'void: a server: no session: HTTP/1.1 429',
  );
});
