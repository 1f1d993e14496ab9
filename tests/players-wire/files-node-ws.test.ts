import { afterEach, beforeEach, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  begin,
  bytesInTransfer,
  complete,
  filesLeft,
  mib,
  newId,
  piece,
  pieceBytes,
  sha256,
} from '../support/files.ts';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import type { Frame } from '../support/relay-client.ts';

/** A client on the package, run by Node; commands and events are JSON lines, bytes are base64. */
const program = `
import { createInterface } from 'node:readline';
import WebSocket from 'ws';

const tell = (event) => process.stdout.write(JSON.stringify(event) + '\\n');
const socket = new WebSocket(process.argv[1]);
socket.on('open', () => tell({ open: true }));
socket.on('message', (data, isBinary) =>
  tell(isBinary ? { bytes: data.toString('base64') } : { text: data.toString() }),
);
socket.on('close', (code) => {
  tell({ close: code });
  process.stdin.destroy();
});
createInterface({ input: process.stdin }).on('line', (line) => {
  const { text, fragments, terminate } = JSON.parse(line);
  if (text !== undefined) socket.send(text);
  fragments?.forEach((part, at) =>
    socket.send(Buffer.from(part, 'base64'), { fin: at === fragments.length - 1 }),
  );
  if (terminate) socket.terminate();
});
`;

interface Event {
  open?: true;
  text?: string;
  bytes?: string;
  close?: number;
}

class NodePlayer {
  private readonly events: Event[] = [];
  private taken = 0;

  private constructor(private readonly child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>) {}

  static async enter(game: Game, userId: string, protocol: 1 | 2): Promise<NodePlayer> {
    const child = Bun.spawn(
      ['node', '--input-type=module', '--eval', program, game.url('/player')],
      { cwd: join(import.meta.dir, '../..'), stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
    );
    const player = game.guest(new NodePlayer(child), (it) => it.terminate());
    void player.collect();
    await player.next('the upgrade', ({ open }) => open);
    player.say(await game.hello(userId, { protocol }));
    await player.frame('user_list_update');
    return player;
  }

  say(...frames: object[]): void {
    for (const frame of frames) this.command({ text: JSON.stringify(frame) });
  }

  /** One binary message, in so many fragments. */
  send(...fragments: Buffer[]): void {
    this.command({ fragments: fragments.map((part) => part.toString('base64')) });
  }

  next<T>(what: string, pick: (event: Event) => T | undefined): Promise<NonNullable<T>> {
    return until(what, () => {
      while (this.taken < this.events.length) {
        const value = pick(this.events[this.taken++]!);
        if (value !== undefined) return value;
      }
      return undefined;
    });
  }

  /** The next text that is no JSON. */
  text(): Promise<string> {
    return this.next('a text', ({ text }) => (text?.startsWith('{') ? undefined : text));
  }

  frame(type: string, pieces: Buffer[] = []): Promise<Frame> {
    return this.next(type, ({ text, bytes }) => {
      if (bytes !== undefined) pieces.push(Buffer.from(bytes, 'base64'));
      const frame: Frame = text?.startsWith('{') ? JSON.parse(text) : {};
      return frame.type === type ? frame : undefined;
    });
  }

  /** The next file: what is said of it, and its binary frames. */
  async file(): Promise<{ head: Frame; pieces: Buffer[]; end: Frame }> {
    const head = await this.frame('file_send_begin');
    const pieces: Buffer[] = [];
    return { head, pieces, end: await this.frame('file_send_complete', pieces) };
  }

  async terminate(): Promise<void> {
    if (this.child.exitCode === null) this.command({ terminate: true });
    await this.child.exited;
  }

  private command(command: object): void {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    this.child.stdin.flush();
  }

  private async collect(): Promise<void> {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of this.child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line));
    }
  }
}

const game = new Game();
beforeEach(() => game.start());
afterEach(() => game.stop());

const piecesOf = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );

test('a file of today’s plugin, one message of many fragments, comes to a player on ws and Node', async () => {
  const plugin = await NodePlayer.enter(game, 'plugin', 1);
  const bob = await NodePlayer.enter(game, 'bob', 2);
  const bytes = randomBytes(2 * mib + 1);
  plugin.say(begin('bob', bytes.length));
  expect(await plugin.text()).toBe('file_receive_ready');
  plugin.send(...piecesOf(bytes, 4096));
  plugin.say({ type: 'file_send_complete', targetUserId: 'bob', fileName: 'file.bin' });
  expect(await plugin.text()).toBe('FILE_SENT');
  const { head, pieces, end } = await bob.file();
  const { transferId } = head;
  expect(head).toMatchObject({ fromUserId: 'plugin', fileSize: bytes.length });
  expect(head.sha256).toBe(sha256(bytes));
  expect(end).toMatchObject({ transferId, fileName: 'file.bin', fromUserId: 'plugin' });
  for (const one of pieces) expect(one.toString('hex', 0, 16)).toBe(transferId);
  expect(Buffer.concat(pieces.map((one) => one.subarray(16))).equals(bytes)).toBe(true);
  bob.say({ type: 'file_received', transferId });
  await filesLeft(game, 0);
  // To who is away.
  plugin.say(begin('later', 0));
  await plugin.text();
  plugin.say({ type: 'file_send_complete' });
  expect(await plugin.text()).toBe('FILE_SENT_SERVER_ONLY');
});

test('a file of protocol 2 breaks, is resumed, and comes to the plugin on ws and Node', async () => {
  const plugin = await NodePlayer.enter(game, 'plugin', 1);
  const bytes = randomBytes(3 * mib + 7);
  const transferId = newId();
  const start = async () => {
    const ada = await NodePlayer.enter(game, 'ada', 2);
    ada.say(begin('plugin', bytes.length, { transferId, sha256: sha256(bytes) }));
    const ready = await ada.frame('file_receive_ready');
    expect(ready.transferId).toBe(transferId);
    return { ada, offset: ready.offset as number };
  };
  const first = await start();
  expect(first.offset).toBe(0);
  const half = bytes.subarray(0, 6 * pieceBytes);
  for (const part of piecesOf(half, pieceBytes)) first.ada.send(piece(transferId, part));
  expect(await first.ada.frame('file_progress')).toMatchObject({ transferId });
  await until('its bytes', () => bytesInTransfer(game) === half.length);
  await first.ada.terminate();
  const { ada, offset } = await start();
  expect(offset).toBe(half.length);
  for (const part of piecesOf(bytes.subarray(offset), pieceBytes))
    ada.send(piece(transferId, part));
  ada.say(complete(transferId));
  const sent = { type: 'file_sent', transferId, delivered: true, sha256: sha256(bytes) };
  expect(await ada.frame('file_sent')).toEqual(sent);
  const { head, pieces, end } = await plugin.file();
  expect(head).toMatchObject({ fromUserId: 'ada', fileName: 'file.bin', fileSize: bytes.length });
  expect(end).toMatchObject({ transferId: head.transferId, fromUserId: 'ada' });
  expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  await filesLeft(game, 0);
});
