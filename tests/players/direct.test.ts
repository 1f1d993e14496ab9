import { expect, test } from 'bun:test';
import { memoryStore } from '../../src/store/memory.ts';
import { type Actor, Stage } from './stage.ts';

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

/** A player who is in, from an address. */
function enterFrom(stage: Stage, address: string, userId: string): Actor {
  const actor = stage.stranger(address);
  actor.say({ type: 'session_auth', token: `${userId}-token`, protocol: 2 });
  return actor;
}

test('all senders of one address fill so many queues of users who are away, whoever they are', async () => {
  const stage = await new Stage({ awayRingsPerAddress: 2 }).begin();
  const [ann, bob] = [enterFrom(stage, '192.0.2.7', 'ann'), enterFrom(stage, '192.0.2.7', 'bob')];
  const far = enterFrom(stage, '192.0.2.8', 'far');
  ann.tell('n1', 1);
  bob.tell('n1', 2);
  bob.tell('n2', 3);
  ann.tell('n3', 4);
  ann.tell('n2', 5);
  far.tell('n3', 6);
  await stage.pass(1);
  expect(ann.acks).toEqual(['1 queued', '4 failed', '5 queued']);
  expect(ann.of('message_ack')[1]!.detail).toBe('players.away_rings_per_address');
  expect([...bob.acks, ...far.acks]).toEqual(['2 queued', '3 queued', '6 queued']);
  expect(await stage.waiting()).toEqual(['n1', 'n2', 'n3']);
});

test('the addresses of one host in a network of IPv6 are one', async () => {
  const stage = await new Stage({ awayRingsPerAddress: 1 }).begin();
  const ann = enterFrom(stage, '2001:db8:1:1::1', 'ann');
  const bob = enterFrom(stage, '2001:db8:1:1::2', 'bob');
  const far = enterFrom(stage, '2001:db8:1:2::1', 'far');
  ann.tell('n1', 1);
  bob.tell('n2', 2);
  far.tell('n3', 3);
  await stage.pass(1);
  expect([...ann.acks, ...bob.acks, ...far.acks]).toEqual(['1 queued', '2 failed', '3 queued']);
});

test('a queue counts for an address until all that was sent from there is fetched or pushed out', async () => {
  const stage = await new Stage({ awayRingsPerAddress: 1, queueMax: 2 }).begin();
  const [ann, bob] = [enterFrom(stage, '192.0.2.7', 'ann'), enterFrom(stage, '192.0.2.7', 'bob')];
  const far = enterFrom(stage, '192.0.2.8', 'far');
  ann.tell('n1', 1);
  bob.tell('n1', 2);
  await stage.pass(1);
  far.tell('n1', 3);
  await stage.pass(1);
  ann.tell('n2', 4);
  far.tell('n1', 5);
  await stage.pass(1);
  ann.tell('n2', 6);
  await stage.pass(1);
  const someone = stage.enter('n2');
  await stage.pass(1);
  someone.pong();
  bob.tell('n3', 7);
  await stage.pass(1);
  expect([...ann.acks, ...bob.acks]).toEqual([
    '1 queued',
    '4 failed',
    '6 queued',
    '2 queued',
    '7 queued',
  ]);
});

test('what the store refused counts for nobody', async () => {
  let isFull = true;
  const store = memoryStore();
  const put: typeof store.rings.put = (...args) =>
    isFull ? Promise.reject(new Error('full')) : store.rings.put(...args);
  const bounds = { awayRingsPerSender: 1, awayRingsPerAddress: 1 };
  const stage = await new Stage(bounds, store, { put }).begin();
  const ann = stage.enter('ann');
  ann.tell('n1', 1);
  await stage.pass(1);
  isFull = false;
  ann.tell('n2', 2);
  await stage.pass(1);
  expect(ann.acks).toEqual(['1 failed', '2 queued']);
});

test('what waited before a restart counts for no address', async () => {
  const store = memoryStore();
  const stage = await new Stage({}, store).begin();
  stage.enter('ann').tell('n1', 1);
  await stage.pass(1);
  const next = await new Stage({ awayRingsPerAddress: 1 }, store).begin();
  const ann = next.enter('ann');
  ann.tell('n2', 2);
  ann.tell('n3', 3);
  ann.tell('n1', 4);
  await next.pass(1);
  expect(ann.acks).toEqual(['2 queued', '3 failed', '4 failed']);
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
