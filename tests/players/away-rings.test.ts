import { expect, test } from 'bun:test';
import { memoryStore } from '../../src/store/memory.ts';
import { type Actor, Stage } from './stage.ts';

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

test('a message that a bound refused leaves nothing in memory', async () => {
  const stage = await new Stage({ awayRingsPerSender: 1 }).begin();
  const ann = stage.enter('ann');
  ann.tell('n1', 'a');
  await stage.pass(1);
  const { lanes } = stage.players.direct.delivery;
  const before = [...lanes.keys()];
  for (let n = 2; n < 100; n++) ann.tell(`n${n}`, n);
  await stage.pass(1);
  expect(ann.errors).toEqual([]);
  expect(ann.acks.filter((ack) => ack.endsWith('failed'))).toHaveLength(98);
  expect([...lanes.keys()]).toEqual(before);
});
