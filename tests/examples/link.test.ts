import { afterEach, expect, test } from 'bun:test';
import type { Arrived, Outgoing } from '../../examples/frames.ts';
import { backOff, openLink, type Link, type LinkOptions } from '../../examples/link.ts';
import { connected, startFakeRelay, type FakeRelay, type Script } from './support/fake-relay.ts';
import { until } from './support/until.ts';

const open: { links: Link[]; relays: FakeRelay[] } = { links: [], relays: [] };

afterEach(async () => {
  for (const link of open.links.splice(0)) {
    link.close();
    await link.ended;
  }
  for (const relay of open.relays.splice(0)) await relay.stop();
});

function start(script: Script, options: Partial<LinkOptions> = {}) {
  const relay = startFakeRelay(script);
  const said: string[] = [];
  const arrived: Arrived[] = [];
  const link = openLink({
    url: relay.url,
    apiKey: 'a-key',
    handshake: { type: 'mod', data: { server_id: 's', channel_id: 'c' } },
    onMessage: (message) => arrived.push(message),
    say: (text) => said.push(text),
    backOffMs: 4,
    ...options,
  });
  open.relays.push(relay);
  open.links.push(link);
  const sent = (): string[] =>
    relay.received.map(({ connection, msg_id }) => `${connection}:${msg_id}`);
  return { relay, link, said, arrived, sent };
}

const message = (msg_id: string): Outgoing => ({
  msg_id,
  id: 's',
  destination: { channel_id: 'c' },
  author: { id: 'a' },
  content: `content of ${msg_id}`,
});

const arriving = (msg_id: string, more: object = {}) => ({
  type: 'mod',
  channel_id: 'c',
  msg_id,
  author: { id: 'a' },
  content: 'hello',
  ...more,
});

test('the waits are 1, 2, 4, 8, 16 and then 30 times the base', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 1_000].map((tries) => backOff(tries, 1_000) / 1_000);
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
});

test('a refused upgrade is tried again after growing waits, and a handshake resets them', async () => {
  const { said } = start({
    upgrade: (connection) => (connection <= 3 ? 503 : undefined),
    handshake(caller) {
      if (caller.connection > 5) return;
      caller.send(connected);
      caller.close(1001);
    },
  });
  await until(() => said.length >= 7, 'seven sentences');
  expect(said.map((text) => /connected|\(\d+\)|in \d+ ms/g[Symbol.match](text)?.join(' '))).toEqual(
    [
      '(503) in 4 ms',
      '(503) in 8 ms',
      '(503) in 16 ms',
      'connected',
      '(1001) in 4 ms',
      'connected',
      '(1001) in 4 ms',
    ],
  );
});

test('the handshake is the first frame and messages wait for its answer', async () => {
  const { relay, link } = start({});
  expect(await link.send(message('1'))).toBe('completed');
  expect(relay.handshakes).toEqual([{ type: 'mod', data: { server_id: 's', channel_id: 'c' } }]);
  expect(relay.received).toEqual([{ ...message('1'), connection: 1 }]);
});

test('what has no answer is sent again on the next connection, in order', async () => {
  const { link, sent } = start({
    message(caller, { msg_id }) {
      if (caller.connection === 1 && msg_id === '2') return caller.close(1001);
      caller.send({ status: 'queued', type: 'mod', msg_id });
    },
  });
  const outcomes = await Promise.all(['1', '2', '3'].map((id) => link.send(message(id))));
  expect(outcomes).toEqual(['queued', 'queued', 'queued']);
  expect(sent()).toEqual(['1:1', '1:2', '2:2', '2:3']);
});

test('what was completed shortly before a crash of the relay is sent again, before the rest', async () => {
  const { link, sent } = start({
    message(caller, { msg_id }) {
      if (caller.connection === 1 && msg_id === '3') return caller.cut();
      caller.send({ status: msg_id === '1' ? 'queued' : 'completed', type: 'mod', msg_id });
    },
  });
  await Promise.all(['1', '2', '3'].map((id) => link.send(message(id))));
  expect(sent()).toEqual(['1:1', '1:2', '1:3', '2:2', '2:3']);
});

test('after a close frame nothing that was answered is sent again', async () => {
  const { link, sent } = start({
    message(caller, { msg_id }) {
      if (caller.connection === 1 && msg_id === '2') return caller.close(1001);
      caller.send({ status: 'completed', type: 'mod', msg_id });
    },
  });
  await Promise.all([link.send(message('1')), link.send(message('2'))]);
  expect(sent()).toEqual(['1:1', '1:2', '2:2']);
});

test('a failed message is tried again after pauses while later ones wait behind it', async () => {
  let refusals = 2;
  const { link, said, sent } = start({
    message(caller, { msg_id }) {
      const failed = msg_id === '1' && refusals-- > 0;
      caller.send({ status: failed ? 'failed' : 'completed', type: 'mod', msg_id });
    },
  });
  expect(await Promise.all([link.send(message('1')), link.send(message('2'))])).toEqual([
    'completed',
    'completed',
  ]);
  expect(sent()).toEqual(['1:1', '1:1', '1:1', '1:2']);
  expect(said.filter((text) => text.includes('neither deliver nor queue'))).toHaveLength(2);
});

test('a message that fails six times is given up, and the next one goes', async () => {
  const { link, said, sent } = start(
    {
      message(caller, { msg_id }) {
        caller.send({ status: msg_id === '1' ? 'failed' : 'completed', type: 'mod', msg_id });
      },
    },
    { backOffMs: 1 },
  );
  expect(await Promise.all([link.send(message('1')), link.send(message('2'))])).toEqual([
    'failed',
    'completed',
  ]);
  expect(sent()).toEqual(['1:1', '1:1', '1:1', '1:1', '1:1', '1:1', '1:2']);
  expect(said.at(-1)).toContain('given up after 6 tries');
});

test('too many messages (429) is a reason to wait, not to lose one', async () => {
  let refusals = 1;
  const { link, sent } = start({
    message(caller, { msg_id }) {
      if (refusals-- > 0) return caller.send({ message: 'Too many messages.', code: 429, msg_id });
      caller.send({ status: 'completed', type: 'mod', msg_id });
    },
  });
  expect(await link.send(message('1'))).toBe('completed');
  expect(sent()).toEqual(['1:1', '1:1']);
});

test.each([400, 403])(
  'a message refused with %i is told, left out, and the next one goes',
  async (code) => {
    const { link, said, sent } = start({
      message(caller, { msg_id }) {
        if (msg_id === '1') return caller.send({ message: 'Not this one.', code });
        caller.send({ status: 'completed', type: 'mod', msg_id });
      },
    });
    expect(await Promise.all([link.send(message('1')), link.send(message('2'))])).toEqual([
      'refused',
      'completed',
    ]);
    expect(sent()).toEqual(['1:1', '1:2']);
    expect(said.at(-1)).toContain(`Not this one. (${code})`);
  },
);

test('a message that the relay finds too large is not sent for ever', async () => {
  const { link, sent } = start({
    message(caller, { msg_id }) {
      if (msg_id === '1') return caller.close(1009);
      caller.send({ status: 'completed', type: 'mod', msg_id });
    },
  });
  expect(await Promise.all([link.send(message('1')), link.send(message('2'))])).toEqual([
    'refused',
    'completed',
  ]);
  expect(sent()).toEqual(['1:1', '2:2']);
});

test('an unknown API key ends the link with a reason that does not show the key', async () => {
  const { link, said } = start({}, { apiKey: 'some-secret' });
  const waiting = link.send(message('1'));
  expect(await link.ended).toContain('401');
  expect(await waiting).toBe('unsent');
  expect(await link.send(message('2'))).toBe('unsent');
  expect(said.join('\n')).not.toContain('some-secret');
});

test.each([
  [{ message: 'Malformed handshake.', code: 400 }, 4400, '400'],
  [{ message: 'Forbidden.', code: 403 }, 4403, '403'],
])('a handshake refused with %j ends the link and says why', async (refusal, code, reason) => {
  const { link, said, relay } = start({
    handshake(caller) {
      caller.send(refusal);
      caller.close(code);
    },
  });
  expect(await link.ended).toContain(reason);
  expect(said.join('\n')).toContain(refusal.message);
  expect(relay.handshakes).toHaveLength(1);
});

test('who is replaced by another of the same name does not fight for the place', async () => {
  const { link, relay } = start({ handshake: (caller) => caller.close(4410) });
  expect(await link.ended).toContain('4410');
  expect(relay.handshakes).toHaveLength(1);
});

test('a second bot waits, with growing pauses, until the first has gone', async () => {
  const { link, said } = start({
    handshake(caller) {
      if (caller.connection >= 3) return caller.send(connected);
      caller.send({ message: 'Bot already connected.', code: 409 });
      caller.close(4409);
    },
  });
  expect(await link.send(message('1'))).toBe('completed');
  expect(said.filter((text) => text.includes('another bot is connected (409)'))).toHaveLength(2);
  expect(said.find((text) => text.includes('in 8 ms'))).toBeDefined();
});

test('repeats are handed over once; the same id from another server is no repeat', async () => {
  const { arrived } = start({
    handshake(caller) {
      caller.send(connected);
      caller.send(arriving('1', { server_id: 'x' }));
      caller.send(arriving('1', { server_id: 'y' }));
      if (caller.connection === 1) return caller.cut();
      caller.send(arriving('1', { server_id: 'x' }));
      caller.send(arriving('2', { server_id: 'x' }));
    },
  });
  await until(() => arrived.some(({ msg_id }) => msg_id === '2'), 'the last message');
  expect(arrived.map(({ server_id, msg_id }) => `${server_id}${msg_id}`)).toEqual([
    'x1',
    'y1',
    'x2',
  ]);
});

test('the memory for repeats is bounded: the oldest is forgotten first', async () => {
  const { arrived } = start(
    {
      handshake(caller) {
        caller.send(connected);
        for (const id of ['1', '2', '3', '3', '2', '1', 'last']) caller.send(arriving(id));
      },
    },
    { seenMax: 2 },
  );
  await until(() => arrived.some(({ msg_id }) => msg_id === 'last'), 'the last message');
  expect(arrived.map(({ msg_id }) => msg_id)).toEqual(['1', '2', '3', '1', 'last']);
});

test('frames that are no messages are left out and harm nothing', async () => {
  const { arrived, said } = start({
    handshake(caller) {
      caller.send(connected);
      for (const frame of [null, 5, [], {}, { ...arriving('1'), author: null }]) caller.send(frame);
      caller.send({ ...arriving('1'), author: { id: 'a', name: {} } });
      caller.send(arriving('2'));
    },
  });
  await until(() => arrived.length > 0, 'the good one');
  expect(arrived).toEqual([arriving('2')]);
  expect(said.filter((text) => text.includes('something unknown'))).toHaveLength(6);
});

test('answers of an older relay, without msg_id, belong to the message under way', async () => {
  const { link } = start({
    message: (caller, { msg_id }) =>
      caller.send({ status: msg_id === '1' ? 'queued' : 'completed', type: 'mod' }),
  });
  const outcomes = [link.send(message('1')), link.send(message('2'))];
  expect(await Promise.all(outcomes)).toEqual(['queued', 'completed']);
});

test('a relay that takes a message and never answers is left, and the message sent again', async () => {
  const { link, sent } = start(
    {
      message(caller, { msg_id }) {
        if (caller.connection > 1) caller.send({ status: 'completed', type: 'mod', msg_id });
      },
    },
    { answerMs: 100 },
  );
  expect(await link.send(message('1'))).toBe('completed');
  expect(sent()).toEqual(['1:1', '2:1']);
});

test('a relay without any sign of life is left', async () => {
  const { relay } = start({}, { quietMs: 50 });
  await until(() => relay.handshakes.length >= 2, 'a second handshake');
});

test('an address that takes connections and never speaks is left, and closing it is quick', async () => {
  let connections = 0;
  const silent = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { open: () => void connections++, data() {} },
  });
  try {
    const { link } = start({}, { url: `ws://127.0.0.1:${silent.port}`, answerMs: 20 });
    await until(() => connections >= 2, 'a second connection');
    link.close();
    expect(await link.ended).toBeUndefined();
  } finally {
    silent.stop(true);
  }
});

test('closing waits for the answer that is due, and sends nothing more', async () => {
  const answer = Promise.withResolvers<void>();
  const { relay, link, sent } = start({
    async message(caller, { msg_id }) {
      await answer.promise;
      caller.send({ status: 'completed', type: 'mod', msg_id });
    },
  });
  const outcomes = [link.send(message('1')), link.send(message('2'))];
  await until(() => relay.received.length > 0, 'the first message');
  link.close();
  answer.resolve();
  expect(await link.ended).toBeUndefined();
  expect(await Promise.all(outcomes)).toEqual(['completed', 'unsent']);
  expect(sent()).toEqual(['1:1']);
});

test('closing while the relay is away ends at once; what waited is unsent', async () => {
  const { relay, link } = start({ upgrade: () => 503 }, { backOffMs: 60_000 });
  const waiting = link.send(message('1'));
  link.close();
  expect(await link.ended).toBeUndefined();
  expect(await waiting).toBe('unsent');
  expect(relay.received).toEqual([]);
});
