import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { HttpClient } from '../support/http.ts';
import { until } from '../support/moonstead.ts';
import { answer, Stage } from '../support/tasks.ts';

setDefaultTimeout(30_000);

const mib = 1024 ** 2;
const stage = new Stage();

beforeEach(() => stage.start({ answer_mb: 8 }));
afterEach(() => stage.stop());

/** 50 MB without a pattern, of one block that is easily made. */
const block = crypto.getRandomValues(new Uint8Array(65_536));
const blocks = 800;
const hash = createHash('sha256');
for (let i = 0; i < blocks; i++) hash.update(numbered(i));
const digest = hash.digest('hex');

function numbered(number: number): Buffer {
  const bytes = Buffer.from(block);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Writes as its reader takes; `written` says how far it got. */
function stream(socket: Socket, head: string, shape: (bytes: Buffer) => Buffer, end = '') {
  const state = { written: 0 };
  socket.write(head);
  const more = () => {
    while (state.written < blocks)
      if (!socket.write(shape(numbered(state.written++)))) return void socket.once('drain', more);
    socket.write(end);
  };
  more();
  return state;
}

/** Of the server, in bytes; `VmHWM` is the highest it ever was. */
function memory(what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${stage.server.process.pid}/status`, 'utf8');
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)![1]) * 1024;
}

function digestOf({ parts }: HttpClient): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

test('50 MB in chunks, thrice at once, are never half in memory', async () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const [size, end] = [Buffer.from('10000\r\n'), Buffer.from('\r\n')];
  const chunk = (bytes: Buffer) => Buffer.concat([size, bytes, end]);
  await stage.httpWorker(({ socket }) => stream(socket, head, chunk, '0\r\n\r\n'));
  const before = memory('VmRSS');
  for (const caller of [stage.begin(), stage.begin(), stage.begin()]) {
    await caller.over(20_000);
    expect([caller.isWhole, caller.size]).toEqual([true, blocks * 65_536]);
    expect(digestOf(caller)).toBe(digest);
  }
  expect(memory('VmHWM') - before).toBeLessThan(75 * mib);
});

test('a caller that reads slowly holds the worker back, not the answer in memory', async () => {
  let state = { written: 0 };
  await stage.httpWorker(({ socket }) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${blocks * 65_536}\r\n\r\n`;
    state = stream(socket, head, (bytes) => bytes);
  });
  const before = memory('VmRSS');
  const caller = stage.begin();
  await caller.begun();
  caller.socket.pause();
  let last = -1;
  // It stands still: nobody can say before it has been so for a while.
  await until('the worker to be held back', async () => {
    const isHeld = state.written === last;
    last = state.written;
    await Bun.sleep(200);
    return isHeld;
  });
  // What the kernel takes on two connections is not ours.
  expect(state.written).toBeLessThan(blocks * 0.6);
  expect(memory('VmRSS') - before).toBeLessThan(20 * mib);
  expect((await stage.status()).tasks).toBe(1);
  await stage.stillServes();
  caller.socket.resume();
  await caller.over(20_000);
  expect(digestOf(caller)).toBe(digest);
  await stage.quiet();
});

test('8 MB from a WebSocket worker arrive undamaged; more is refused by answer_mb', async () => {
  const worker = await stage.socketWorker();
  const text = 'é"\\\n'.repeat(mib);
  const type = { headers: { 'content-type': 'text/plain; charset=utf-8' } };
  const asked = stage.begin();
  await answer(worker, text, type);
  expect((await asked.over()).text).toBe(text);
  const next = stage.begin();
  await answer(worker, 'x'.repeat(8 * mib + 1), type);
  const refused = await next.over();
  expect([refused.status, refused.json.detail]).toEqual([502, 'response: larger than answer_mb']);
});

test('a frame beyond the limit ends its worker, and its task is tried on no other', async () => {
  const [worker, other] = [
    await stage.socketWorker(),
    await stage.socketWorker({ region: 'other' }),
  ];
  const asked = stage.begin();
  await worker.next(({ type }) => type === 'task');
  worker.say(`"${'x'.repeat(16 * mib)}"`);
  expect((await worker.end())?.code).toBe(1009);
  const refused = await asked.over(5000);
  expect([refused.status, refused.json.detail]).toEqual([502, 'larger than answer_mb']);
  expect(other.frames.filter(({ type }) => type === 'task')).toEqual([]);
});
