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

test('one sender fills so many queues of users who are away, and others have their own', async () => {
  const stage = await new Stage({ awayRingsPerSender: 2 }).begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  for (const away of ['n1', 'n2', 'n3', 'n1']) ann.tell(away, away);
  bob.tell('n3', 'b');
  await stage.pass(1);
  expect(ann.acks).toEqual(['n1 queued', 'n2 queued', 'n3 failed', 'n1 queued']);
  expect(ann.of('message_ack')[2]!.detail).toBe('players.away_rings_per_sender');
  expect(bob.acks).toEqual(['b queued']);
  expect(await stage.waiting()).toEqual(['n1', 'n2', 'n3']);
});

test('a queue that was fetched makes room for another', async () => {
  const stage = await new Stage({ awayRingsPerSender: 1 }).begin();
  const ann = stage.enter('ann');
  ann.tell('bob', 1);
  await stage.pass(1);
  const bob = stage.enter('bob');
  await stage.pass(1);
  bob.pong();
  await stage.pass(1);
  ann.tell('nobody', 2);
  await stage.pass(1);
  expect(ann.acks).toEqual(['1 queued', '2 queued']);
});

test('a queue from which others pushed out all of a sender does not count for it', async () => {
  const stage = await new Stage({ awayRingsPerSender: 1, queueMax: 1 }).begin();
  const [ann, bob] = [stage.enter('ann'), stage.enter('bob')];
  ann.tell('n1', 1);
  bob.tell('n1', 2);
  await stage.pass(1);
  ann.tell('n2', 3);
  await stage.pass(1);
  expect(ann.acks).toEqual(['1 queued', '3 queued']);
});

test('queues that a sender filled before a restart still count', async () => {
  const store = memoryStore();
  const stage = await new Stage({}, store).begin();
  stage.enter('ann').tell('n1', 1);
  await stage.pass(1);
  const next = await new Stage({ awayRingsPerSender: 1 }, store).begin();
  const ann = next.enter('ann');
  ann.tell('n2', 2);
  ann.tell('n1', 3);
  await next.pass(1);
  expect(ann.acks).toEqual(['2 failed', '3 queued']);
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
