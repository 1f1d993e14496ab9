import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { randomBytes } from 'node:crypto';
import {
  begin,
  bytesInTransfer,
  FilePlayer,
  filesLeft,
  inTransfer,
  mib,
  newId,
  piece,
  pieceBytes,
  rawPiece,
  sha256,
  stillCarries,
} from '../support/files.ts';
import { until } from '../support/moonstead.ts';
import { Game } from '../support/players.ts';
import { frame, opcodes } from '../support/raw.ts';

setDefaultTimeout(30_000);

const game = new Game();
const enter = (userId: string) => FilePlayer.enter(game, userId);

/** Its tests share a server, which has to be well after each. */
function together(): void {
  beforeAll(() => game.start());
  afterEach(async () => {
    await game.leave();
    await stillCarries(game);
    await filesLeft(game, 0);
  });
  afterAll(() => game.stop());
}

/** Most memory that a server ever had, in bytes. */
async function mostMemory({ server }: Game): Promise<number> {
  const status = await Bun.file(`/proc/${server.process.pid}/status`).text();
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

describe('a sender', () => {
  together();

  test('that vanishes in the middle goes on where it was, and its target is told nothing before', async () => {
    const bob = await enter('bob');
    const bytes = randomBytes(3 * mib);
    const transferId = newId();
    const sender = await game.rawPlayer('ada');
    sender.say(begin('bob', bytes.length, { transferId }));
    await sender.next(({ type }) => type === 'file_receive_ready');
    for (let at = 0; at < 2 * mib; at += pieceBytes)
      sender.write(rawPiece(transferId, bytes.subarray(at, at + pieceBytes)));
    // And half a frame, of which nothing counts.
    sender.write(rawPiece(transferId, bytes.subarray(0, 1000)).subarray(0, 500));
    await until('its bytes', () => bytesInTransfer(game) === 2 * mib);
    sender.destroy();
    await bob.frame('user_left');
    const back = await enter('ada');
    expect(bob.all('file_send_begin')).toEqual([]);
    const { offset } = await back.begin('bob', bytes.length, { transferId });
    expect(offset).toBe(2 * mib);
    await back.bytes(transferId, bytes, offset);
    expect(await back.complete(transferId)).toMatchObject({ sha256: sha256(bytes) });
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });

  test('that takes over from itself goes on on the new socket, and the old one does no harm', async () => {
    const bob = await enter('bob');
    const bytes = randomBytes(400_000);
    const old = await enter('ada');
    const { transferId } = await old.begin('bob', bytes.length);
    await old.bytes(transferId, bytes, 0, 300_000);
    await until('its bytes', () => bytesInTransfer(game) === 300_000);
    const back = await enter('ada');
    old.socket.send(piece(transferId, bytes.subarray(300_000)));
    const { offset } = await back.begin('bob', bytes.length, { transferId });
    expect(offset).toBe(300_000);
    await back.bytes(transferId, bytes, offset);
    expect(await back.complete(transferId)).toMatchObject({ sha256: sha256(bytes) });
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
    expect(old.closed?.code).toBe(4410);
  });

  test('of one byte a frame is as good as any', async () => {
    const bob = await enter('bob');
    const bytes = randomBytes(5000);
    const transferId = newId();
    const sender = await game.rawPlayer('ada');
    sender.say(begin('bob', bytes.length, { transferId }));
    await sender.next(({ type }) => type === 'file_receive_ready');
    for (let at = 0; at < bytes.length; at++) {
      sender.write(rawPiece(transferId, bytes.subarray(at, at + 1)));
      // Others are served between any two of them.
      if (at === 2500) await stillCarries(game);
    }
    sender.say({ type: 'file_send_complete', transferId });
    const sent = await sender.next(({ type }) => type === 'file_sent' || type === 'file_failed');
    expect(sent).toMatchObject({ type: 'file_sent', sha256: sha256(bytes) });
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });

  test('that is logged out in the middle goes on in its next session', async () => {
    const { token } = await game.session('ada');
    const ada = await FilePlayer.enter(game, 'ada', { token });
    const { transferId } = await ada.begin('ada', 6);
    await ada.bytes(transferId, Buffer.from('who'));
    await until('its bytes', () => bytesInTransfer(game) === 3);
    await game.answer({ type: 'logout', token });
    expect((await until('the close', () => ada.closed)).code).toBe(4401);
    const back = await enter('ada');
    const { offset } = await back.begin('ada', 6, { transferId });
    expect(offset).toBe(3);
    await back.bytes(transferId, Buffer.from('whole!'), offset);
    expect(await back.complete(transferId)).toMatchObject({ delivered: true });
    // A file may be for its own sender.
    expect((await back.take()).bytes.toString()).toBe('whole!');
  });

  test.each([
    ['bytes of no file', frame([], { opcode: opcodes.binary })],
    ['files that are too large', frame(JSON.stringify(begin('bob', 2 ** 52)))],
  ])('that is refused %s all the time, and does not read it, is closed', async (_what, refused) => {
    const tooSlow = () => game.closings.filter((one) => `${one}`.startsWith('4508')).length;
    const before = tooSlow();
    const slow = await game.rawPlayer('slow');
    slow.stopReading();
    // In all, answers for what the kernel swallows and for too_slow_bytes, and then some.
    const bursts = Array(20).fill(Buffer.concat(Array(20_000).fill(refused)));
    const isOver = () => {
      if (slow.socket.writableLength === 0 && bursts.length > 0) slow.write(bursts.pop());
      return tooSlow() > before;
    };
    await until('its end', isOver, 25_000);
  });
});

describe('a target', () => {
  together();

  test('that vanishes in the middle gets it from its beginning when it is back', async () => {
    const [ada, gone] = [await enter('ada'), await game.rawPlayer('bob')];
    gone.stopReading();
    const bytes = randomBytes(20 * mib);
    await ada.send('bob', bytes);
    gone.destroy();
    await ada.frame('user_left');
    const bob = await enter('bob');
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });

  test('that is logged out gets it in its next session', async () => {
    const { token } = await game.session('bob');
    const [ada, bob] = [await enter('ada'), await FilePlayer.enter(game, 'bob', { token })];
    await ada.send('bob', Buffer.from('stays'));
    const { begin: head } = await bob.file();
    await game.answer({ type: 'logout', token });
    expect((await until('the close', () => bob.closed)).code).toBe(4401);
    await ada.frame('user_left');
    expect(inTransfer(game)).toEqual([head.transferId]);
    expect(await ada.send('bob', Buffer.from('more'))).toMatchObject({ delivered: false });
    const back = await enter('bob');
    for (const text of ['stays', 'more']) expect((await back.take()).bytes.toString()).toBe(text);
  });

  test('that is nobody yet gets it when it is somebody', async () => {
    const ada = await enter('ada');
    const nobody = `nobody-${newId()}`;
    expect(await ada.send(nobody, Buffer.from('hello'))).toMatchObject({ delivered: false });
    await filesLeft(game, 1);
    expect((await (await enter(nobody)).take()).bytes.toString()).toBe('hello');
  });

  test('that takes over from itself in the middle gets it on the new socket', async () => {
    const [ada, old] = [await enter('ada'), await game.rawPlayer('bob')];
    old.stopReading();
    const bytes = randomBytes(20 * mib);
    await ada.send('bob', bytes);
    const bob = await enter('bob');
    expect((await bob.take()).bytes.equals(bytes)).toBe(true);
  });
});

describe('a target that never reads', () => {
  // A server of its own, for what it needed most until now is what is looked at.
  const own = new Game();
  beforeEach(() => own.start());
  afterEach(() => own.stop());

  test.each([1, 2] as const)(
    'and speaks protocol %d costs little memory and holds nobody up; its next connection gets it all',
    async (protocol) => {
      const deaf = await own.rawPlayer('deaf', { protocol });
      deaf.stopReading();
      const ada = await FilePlayer.enter(own, 'ada');
      await stillCarries(own);
      const before = await mostMemory(own);
      const bytes = randomBytes(96 * mib);
      expect(await ada.send('deaf', bytes)).toMatchObject({ delivered: true });
      await stillCarries(own);
      expect((await mostMemory(own)) - before).toBeLessThan(64 * mib);
      expect(inTransfer(own)).toHaveLength(1);
      deaf.destroy();
      await until('its end', () => ada.all('user_left').some(({ userId }) => userId === 'deaf'));
      const next = await FilePlayer.enter(own, 'deaf', { protocol });
      expect((await next.take()).bytes.equals(bytes)).toBe(true);
      await filesLeft(own, 0);
    },
  );
});
