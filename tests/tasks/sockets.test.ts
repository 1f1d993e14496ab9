import { describe, expect, test } from 'bun:test';
import { Stage, StagePeer } from './stage.ts';

const response = (id: string, more: object = {}) => ({
  type: 'task_response',
  payload: { task_id: id, response: { ok: true }, ...more },
});

function registered(stage: Stage, nodeId = 'a', more: object = {}) {
  const peer = new StagePeer(stage);
  peer.register(nodeId, more);
  peer.frames.length = 0;
  return peer;
}

describe('registration', () => {
  test('is answered with the node_id; without one, by address and port, or made up', () => {
    const stage = new Stage();
    const names = [
      { node_id: 'mine' },
      { ip: '192.168.1.100', port: 3000 },
      { ip: '192.168.1.100' },
    ].map((more) => {
      const peer = new StagePeer(stage);
      peer.register(undefined, more);
      expect(peer.frames).toHaveLength(1);
      expect(peer.frames[0]).toMatchObject({ type: 'registered', payload: { status: 'ok' } });
      return peer.frames[0].payload.node_id;
    });
    expect(names).toEqual(['mine', '192.168.1.100:3000', 'ws-made-up']);
  });

  test('with a bad token is an error and the end', () => {
    const stage = new Stage();
    const peer = new StagePeer(stage);
    peer.register('a', { token: 'bad' });
    expect(peer.frames).toEqual([{ type: 'error', payload: { message: 'Invalid token.' } }]);
    expect(peer.closed).toBe(4401);
    expect(stage.workers.byId.size).toBe(0);
    expect(stage.events).toEqual(['token_refused 192.0.2.1']);
  });

  test('again with the same name, or none, changes what is said of it; with another is an error', () => {
    const stage = new Stage();
    const peer = registered(stage);
    peer.register('a', { weight: 9, region: 'q' });
    peer.register(undefined, { weight: 9, region: 'q' });
    expect(stage.workers.byId.get('a')).toMatchObject({ weight: 9, region: 'q' });
    peer.register('b');
    expect(peer.frames.map(({ type }) => type)).toEqual(['registered', 'registered', 'error']);
    expect([...stage.workers.byId.keys()]).toEqual(['a']);
  });

  test('of one too many is an error', () => {
    const stage = new Stage({ workersMax: 1 });
    registered(stage);
    const peer = new StagePeer(stage);
    peer.register('b');
    expect(peer.frames[0]).toEqual({
      type: 'error',
      payload: { message: 'Too many workers (workers_max).' },
    });
  });

  test('under a taken name closes the older connection; its tasks go on to others, not to this one', async () => {
    const stage = new Stage();
    const older = registered(stage);
    stage.ask();
    const newer = new StagePeer(stage);
    newer.register('a');
    expect(newer.frames.map(({ type }) => type)).toEqual(['registered']);
    await stage.clock.run(1);
    expect(older.closed).toBe(4410);
    expect(newer.frames).toHaveLength(1);
    expect(stage.told).toEqual(['Every worker that was tried failed.']);
    stage.ask();
    expect(newer.frames.map(({ type }) => type)).toEqual(['registered', 'task']);
  });

  test('by heartbeat under the name of a connection closes that', async () => {
    const stage = new Stage();
    const peer = registered(stage);
    stage.beat('a');
    await stage.clock.run(1);
    expect(peer.closed).toBe(4410);
    expect(stage.workers.byId.get('a')?.protocol).toBe('http');
  });
});

describe('frames', () => {
  test('a heartbeat is acknowledged with the time', () => {
    const stage = new Stage();
    const peer = registered(stage);
    peer.say({ type: 'heartbeat', payload: {} });
    expect(peer.frames).toEqual([
      { type: 'heartbeat_ack', payload: { timestamp: '2026-01-01T00:00:00.000Z' } },
    ]);
  });

  test.each([
    'nonsense',
    'null',
    '5',
    '[]',
    '{}',
    '{"type":"unknown"}',
    '{"type":"register"}',
    '{"type":"register","payload":{"token":5,"region":"r"}}',
    '{"type":"register","payload":{"token":"good"}}',
    '{"type":"register","payload":{"token":"good","region":"r","weight":101}}',
    '{"type":"register","payload":{"token":"good","region":"r","port":0}}',
    '{"type":"register","payload":{"token":"good","region":"a\\nb"}}',
    '{"type":"task_response"}',
    '{"type":"task_response","payload":{"task_id":5}}',
    `{"type":"heartbeat","payload":${'['.repeat(64)}${']'.repeat(64)}}`,
  ])('%.60s is an error and nothing else', (text) => {
    const stage = new Stage();
    for (const peer of [new StagePeer(stage), registered(stage, 'z')]) {
      peer.say(text);
      expect(peer.frames).toHaveLength(1);
      expect(peer.frames[0]).toMatchObject({
        type: 'error',
        payload: { message: 'Malformed frame.', detail: expect.any(String) },
      });
      expect(peer.closed).toBeUndefined();
    }
  });

  test('binary is an error; before registration, so is all but that', () => {
    const stage = new Stage();
    const peer = new StagePeer(stage);
    stage.sockets.frame(peer.seat, undefined);
    peer.say({ type: 'heartbeat', payload: {} });
    peer.say(response('t1'));
    expect(peer.frames.map(({ payload }) => payload.message)).toEqual([
      'Malformed frame.',
      'Not registered.',
      'Not registered.',
    ]);
  });
});

describe('tasks', () => {
  test('come with their payload as it was written, and the answer goes to their caller', () => {
    const stage = new Stage();
    const peer = registered(stage);
    const sent: string[] = [];
    peer.send = (text) => void sent.push(text);
    stage.ask({ payload: '[12345678901234567890, 1.0]' });
    expect(sent).toEqual(['{"type":"task","task_id":"t1","payload":[12345678901234567890, 1.0]}']);
    peer.say('{"type":"task_response","payload":{"task_id":"t1","response":{"n":1.0}}}');
    expect(stage.outcomes).toMatchObject([
      { answer: { status: 200, contentType: 'application/json', body: '{"n":1.0}' } },
    ]);
    expect(stage.workers.byId.get('a')).toMatchObject({ inFlight: 0, dropped: 0 });
  });

  const answers: [object, object][] = [
    [{ response: 'text' }, { body: '"text"', contentType: 'application/json' }],
    [
      { response: 'a,b', headers: { 'content-type': 'text/csv' } },
      { body: 'a,b', contentType: 'text/csv' },
    ],
    [
      { response: { a: 1 }, headers: { 'Content-Type': 'application/problem+json' }, status: 418 },
      { body: '{"a":1}', contentType: 'application/problem+json', status: 418 },
    ],
    [{ response: null }, { body: 'null' }],
    [{ response: undefined }, { body: undefined, contentType: undefined }],
    [
      { status: 204, response: 'x' },
      { status: 204, body: undefined, contentType: undefined },
    ],
    [{ status: 599 }, { status: 599 }],
    [
      { headers: { 'X-Mine': '1', 'Retry-After': '2', 'Set-Cookie': 'a=b', 'X-Task-Id': 'z' } },
      {
        headers: [
          ['x-mine', '1'],
          ['retry-after', '2'],
        ],
      },
    ],
  ];
  test.each(answers)('an answer of %j becomes %j', (more, answer) => {
    const stage = new Stage();
    const peer = registered(stage);
    stage.ask();
    peer.say(response('t1', more));
    expect(stage.outcomes).toMatchObject([{ answer }]);
    expect(peer.frames.map(({ type }) => type)).toEqual(['task']);
  });

  test.each([
    { status: 99 },
    { status: 199 },
    { status: 304 },
    { status: 600 },
    { status: 200.5 },
    { status: '200' },
    { headers: 5 },
    { headers: { 'x-a': 5 } },
    { headers: { 'x-a': 'a\r\nb: c' } },
    { headers: { 'x-a': 'é' } },
    { headers: { 'bad name': 'a' } },
    { response: 'x'.repeat(1000) },
  ])('an answer of %j is a 502, told to both sides, and not tried elsewhere', (more) => {
    const stage = new Stage();
    const peer = registered(stage);
    registered(stage, 'other');
    stage.ask();
    peer.say(response('t1', more));
    expect(stage.outcomes).toMatchObject([{ refusal: { code: 502 }, detail: expect.any(String) }]);
    expect(peer.frames.map(({ type }) => type)).toEqual(['task', 'error']);
    expect(stage.workers.byId.get('other')!.inFlight).toBe(0);
  });

  test('an answer that comes late, twice or for a task of another worker is dropped and counted', async () => {
    const stage = new Stage();
    const peer = registered(stage);
    stage.ask({ timeoutMs: 1_000 });
    const other = registered(stage, 'b');
    other.say(response('t1'));
    expect(stage.outcomes).toEqual([]);
    await stage.clock.run(1_050);
    expect(peer.frames).toEqual([
      { type: 'task', task_id: 't1', payload: 1 },
      { type: 'cancel', task_id: 't1' },
    ]);
    peer.say(response('t1'));
    peer.say(response('t1'));
    expect(stage.told).toEqual(['No worker answered in time (timeout_ms).']);
    expect(stage.workers.byId.get('a')!.dropped).toBe(2);
    expect(stage.workers.byId.get('b')!.dropped).toBe(1);
    expect(peer.frames).toHaveLength(2);
  });

  test('are cancelled when the caller hangs up', () => {
    const stage = new Stage();
    const peer = registered(stage);
    stage.ask().hangUp();
    expect(peer.frames.map(({ type }) => type)).toEqual(['task', 'cancel']);
  });

  test('of a connection that ends go on to others; those of one that we closed as too large do not', () => {
    for (const [code, told] of [
      [1006, 'other'],
      [1009, 'The worker answered something that is no answer.'],
    ] as const) {
      const stage = new Stage();
      const peer = registered(stage);
      stage.ask();
      const other = registered(stage, 'other');
      peer.close(code);
      expect(other.frames.length).toBe(code === 1006 ? 1 : 0);
      if (code === 1006)
        other.say(response('t1', { response: 'other', headers: { 'content-type': 'a/b' } }));
      expect(stage.told).toEqual([told]);
    }
  });
});

describe('time', () => {
  test('a connection that never registers ends after read_timeout', async () => {
    const stage = new Stage();
    const peer = new StagePeer(stage);
    await stage.clock.run(9_900);
    expect(peer.closed).toBeUndefined();
    await stage.clock.run(1_000);
    expect(peer.closed).toBe(4408);
  });

  test('a worker is pinged each interval, and dead after two without a sign', async () => {
    const stage = new Stage();
    const quiet = registered(stage);
    const pongs = registered(stage, 'b');
    const talks = registered(stage, 'c');
    for (let n = 0; n < 10; n++) {
      await stage.clock.run(2_000);
      stage.sockets.pong(pongs.seat);
      talks.say({ type: 'heartbeat', payload: {} });
    }
    expect(quiet.closed).toBe('terminated');
    expect(quiet.frames).toEqual(['ping']);
    expect([pongs.closed, talks.closed]).toEqual([undefined, undefined]);
    expect(pongs.frames.length).toBeGreaterThan(4);
    expect([...stage.workers.byId.keys()]).toEqual(['b', 'c']);
  });

  test('a worker that leaves too much unread gets no further task until it reads on', async () => {
    const stage = new Stage();
    const peer = registered(stage);
    peer.unread = 101;
    stage.ask();
    await stage.clock.run(0);
    stage.ask();
    expect(stage.told).toEqual(['No healthy worker with room.']);
    peer.say('garbage');
    expect(peer.frames).toHaveLength(1);
    peer.unread = 100;
    stage.sockets.drained(peer.seat);
    stage.ask();
    expect(peer.frames).toHaveLength(2);
  });

  test('a connection that takes nothing for write_timeout ends; one that takes a little lives', async () => {
    const stage = new Stage();
    const stuck = registered(stage);
    const slow = registered(stage, 'b');
    for (const peer of [stuck, slow]) {
      peer.unread = 50;
      peer.say({ type: 'heartbeat', payload: {} });
    }
    for (let n = 0; n < 5; n++) {
      await stage.clock.run(1_000);
      for (const peer of [stuck, slow]) peer.say({ type: 'heartbeat', payload: {} });
      stage.sockets.drained(slow.seat);
    }
    expect(stuck.closed).toBe('terminated');
    expect(slow.closed).toBeUndefined();
  });

  test('the end says that we go away', () => {
    const stage = new Stage();
    const peer = registered(stage);
    stage.sockets.end();
    expect(peer.closed).toBe(1001);
    expect(stage.sockets.size).toBe(0);
  });
});
