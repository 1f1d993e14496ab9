import { expect, test } from 'bun:test';
import { memoryStore } from '../../src/store/memory.ts';
import { Stage } from './stage.ts';

test('a message reaches a player who is there, as it was said', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ann.say('{"type":"message","msg_id":"m","targetUserId":"bob","data":{"n":12345678901234567890}}');
  const ts = new Date(stage.clock.now()).toISOString();
  expect(bob.texts.at(-1)).toBe(
    `{"type":"message","fromUserId":"ann","data":{"n":12345678901234567890},"msg_id":"m","ts":"${ts}"}`,
  );
  expect(ann.acks).toEqual(['m completed']);
});

test('a message without an id is given one, which its sender is told', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ann.say({ type: 'message', targetUserId: 'bob', data: 1 });
  expect(bob.of('message')[0]!.msg_id).toBe('made-1');
  expect(ann.acks).toEqual(['made-1 completed']);
});

test('who is away gets the newest messages on the next connection, with the time they were said', async () => {
  const stage = await new Stage({ queueMax: 2 }).begin();
  const ann = stage.enter('ann');
  const ts = new Date(stage.clock.now()).toISOString();
  ann.tell('bob', 1, 2, 3);
  await stage.pass(60_000);
  expect(ann.acks).toEqual(['1 queued', '2 queued', '3 queued']);
  const bob = stage.enter('bob');
  await stage.pass(1);
  expect(bob.heard).toEqual([2, 3]);
  expect(bob.of('message')[0]!.ts).toBe(ts);
});

test('what has no receipt comes again on the next connection, and what has one does not', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ann.tell('bob', 1);
  await stage.pass(100);
  bob.pong();
  ann.tell('bob', 2);
  bob.close();
  const again = stage.enter('bob');
  await stage.pass(1);
  expect(again.heard).toEqual([2]);
});

test('a takeover gives the newer connection what the older one never confirmed, before anything live', async () => {
  const stage = await new Stage().begin();
  const [ann, older] = [stage.enter('ann'), stage.enter('bob')];
  ann.tell('bob', 1, 2);
  const newer = stage.enter('bob');
  ann.tell('bob', 3);
  await stage.pass(10);
  expect([older.heard, newer.heard]).toEqual([
    [1, 2],
    [1, 2, 3],
  ]);
});

test('what waits survives a restart', async () => {
  const store = memoryStore();
  const stage = await new Stage({}, store).begin();
  stage.enter('ann').tell('bob', 1);
  await stage.pass(1);
  const next = await new Stage({}, store).begin();
  const bob = next.enter('bob');
  await next.pass(1);
  bob.pong();
  await next.pass(1);
  expect(bob.heard).toEqual([1]);
  expect(await next.waiting()).toEqual([]);
});

test('a stop puts what was never confirmed into the store, then says goodbye', async () => {
  const store = memoryStore();
  const stage = await new Stage({}, store).begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ann.tell('bob', 1);
  void stage.players.drain(5000);
  ann.tell('bob', 2);
  await stage.pass(5000);
  expect([ann.ended, bob.ended]).toEqual([1001, 1001]);
  const next = await new Stage({}, store).begin();
  const again = next.enter('bob');
  await next.pass(1);
  expect(again.heard).toEqual([1]);
});

test('a message that the store refuses is failed and never arrives', async () => {
  const put = () => Promise.reject(new Error('the disk is full'));
  const stage = await new Stage({}, memoryStore(), { put }).begin();
  const ann = stage.enter('ann');
  ann.tell('bob', 1);
  await stage.pass(1);
  expect(ann.acks).toEqual(['1 failed']);
  const bob = stage.enter('bob');
  await stage.pass(1000);
  expect(bob.heard).toEqual([]);
});

test('acks come in the order of the messages, also when a later one is ready first', async () => {
  const stage = await new Stage().begin();
  const ann = stage.enter('ann');
  stage.enter('bob');
  ann.tell('nobody', 1);
  ann.tell('bob', 2);
  expect(ann.acks).toEqual([]);
  await stage.pass(1);
  expect(ann.acks).toEqual(['1 queued', '2 completed']);
});

test('what joins a queue pushes nothing out, though its sender has too much waiting elsewhere', async () => {
  const stage = await new Stage({ slowBytes: 10_000, senderRingBytesMax: 2000 }).begin();
  const ann = stage.enter('ann');
  const tell = (targetUserId: string, ...names: string[]) => {
    for (const name of names)
      ann.say({ type: 'message', targetUserId, msg_id: name, data: 'x'.repeat(200) });
  };
  tell('bob', 'q1', 'q2');
  tell('carol', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6');
  await stage.pass(1);
  const dead = stage.enter('bob');
  await stage.pass(1);
  tell('bob', 'l1', 'l2', 'l3');
  dead.close(1006);
  expect(ann.acks.slice(0, 2)).toEqual(['q1 queued', 'q2 queued']);
  expect(ann.acks.slice(-4)).toEqual(['c6 failed', 'l1 completed', 'l2 completed', 'l3 completed']);
  const bob = stage.enter('bob');
  await stage.pass(1);
  expect(bob.of('message').map(({ msg_id }) => msg_id)).toEqual(['q1', 'q2', 'l1', 'l2', 'l3']);
});

test('a refusal names the bound that a message would break', async () => {
  const stage = await new Stage({ ringsMax: 1, senderRingBytesMax: 400 }).begin();
  const ann = stage.enter('ann');
  ann.tell('n1', 'a'.repeat(100));
  ann.tell('n1', 'b'.repeat(100));
  ann.tell('n2', 'c');
  await stage.pass(1);
  expect(ann.of('message_ack').map(({ detail }) => detail)).toEqual([
    undefined,
    'players.sender_ring_bytes_max',
    'players.rings_max',
  ]);
});

test('who is there and reads slowly is given messages by the queue, in order', async () => {
  const stage = await new Stage().begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  bob.buffered = 2000;
  ann.tell('bob', 'x'.repeat(100), 'y'.repeat(100));
  await stage.pass(1);
  ann.tell('bob', 2, 3);
  await stage.pass(1);
  expect(bob.heard).toHaveLength(2);
  expect(ann.acks.slice(2)).toEqual(['2 queued', '3 queued']);
  bob.buffered = 0;
  stage.players.drained(bob.seat);
  await stage.pass(1);
  expect(bob.heard.slice(2)).toEqual([2, 3]);
});
