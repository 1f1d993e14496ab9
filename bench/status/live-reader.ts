import { inTime, voidRun } from '../harness/void-run.ts';

/** One reader of `/live`: a bare TCP socket that counts the sessions that it is told of. */
export interface LiveReader {
  name: string;
  /** Sessions told of so far, and the numbers of their users added up. */
  received: number;
  sum: number;
  /** Sessions that may be told of in all; one more voids the run. */
  expected: number;
  onProgress(): void;
  end(): void;
}

const begun = /^id: .+\nevent: session\ndata: \{.*"event":"session_begun".*"userId":"user-(\d{6})"/;

/** Opens the feed and waits for its first chunk. Whatever goes wrong, then or later, voids the run. */
export async function openLiveReader(name: string, port: number): Promise<LiveReader> {
  let hasHead = false;
  let text = ''; // chunks that are not whole yet
  let events = ''; // what they carried, as far as no blank line ended it
  let ended = false;
  const opened = Promise.withResolvers<void>();
  const reader: LiveReader = {
    name,
    received: 0,
    sum: 0,
    expected: 0,
    onProgress: () => {},
    end() {
      ended = true;
      socket.terminate();
    },
  };

  function take(bytes: Buffer): void {
    text += bytes.toString('latin1');
    if (!hasHead) {
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!/^HTTP\/1\.1 200 [^]*\r\ntransfer-encoding: *chunked\r\n/i.test(text.slice(0, end + 2)))
        voidRun(`${name} got ${text}`);
      hasHead = true;
      text = text.slice(end + 4);
    }
    for (let lineEnd = text.indexOf('\r\n'); lineEnd >= 0; lineEnd = text.indexOf('\r\n')) {
      const size = parseInt(text.slice(0, lineEnd), 16);
      const end = lineEnd + 2 + size + 2;
      if (end > text.length) break;
      events += text.slice(lineEnd + 2, end - 2);
      text = text.slice(end);
    }
    const parts = events.split('\n\n');
    events = parts.pop()!;
    parts.forEach(event);
  }

  function event(part: string): void {
    if (part.startsWith(':')) return opened.resolve();
    const number = begun.exec(part)?.[1];
    if (number === undefined) voidRun(`${name} got ${part}`);
    reader.received++;
    reader.sum += Number(number);
    if (reader.received > reader.expected)
      voidRun(`${name} was told of ${reader.received} sessions, not ${reader.expected}`);
    if (reader.received === reader.expected) reader.onProgress();
  }

  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data: (_, bytes) => take(bytes),
      close() {
        if (!ended) voidRun(`${name} lost its connection`);
      },
    },
  });
  socket.write(`GET /live?topics=session HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await inTime(opened.promise, 10_000, () => `${name} to be greeted`);
  return reader;
}
