import { expect, test } from 'bun:test';
import type { Peer } from '../../src/sockets/ports.ts';
import { AuthSockets } from '../../src/sessions/auth-sockets.ts';
import { Figures } from '../../src/sessions/figures.ts';
import {
  type SessionAnswer,
  type SessionRequest,
  sessionRefusals,
} from '../../src/sessions/messages.ts';
import { SimClock } from '../sim/clock.ts';

const clock = () => new SimClock();

/** Sessions that answer when the test says so. */
class Stage {
  readonly clock = clock();
  readonly asked: { request: SessionRequest; settle: (answer: SessionAnswer) => void }[] = [];
  readonly figures = new Figures();
  readonly sockets: AuthSockets;

  constructor() {
    const answer = (request: SessionRequest) =>
      new Promise<SessionAnswer>((settle) => this.asked.push({ request, settle }));
    this.sockets = new AuthSockets(
      { clock: this.clock, sessions: { answer, figures: this.figures } },
      { handshakeTimeoutMs: 10_000, pingIntervalMs: 30_000, jsonDepthMax: 64 },
    );
    this.sockets.begin();
  }
}

class StagePeer implements Peer {
  data: { seat: unknown } = { seat: undefined };
  readonly frames: any[] = [];
  closed: number | 'terminated' | undefined;
  readonly seat;

  constructor(
    private readonly stage: Stage,
    userId?: string,
  ) {
    this.seat = stage.sockets.open(this, 'home', userId);
  }

  say(frame: unknown): void {
    this.stage.sockets.frame(this.seat, typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  send(text: string): void {
    this.frames.push(JSON.parse(text));
  }

  ping(): void {
    this.frames.push('ping');
  }

  close(code: number): void {
    this.closed ??= code;
    this.stage.sockets.closed(this.seat);
  }

  terminate(): void {
    this.closed ??= 'terminated';
    this.stage.sockets.closed(this.seat);
  }

  cork(fn: () => void): void {
    fn();
  }

  getBufferedAmount(): number {
    return 0;
  }

  subscribe(): void {}
  unsubscribe(): void {}
}

const validate = { type: 'validate', token: 't' };

test('the user of the URL is let in at once; a further auth may follow', async () => {
  const stage = new Stage();
  const peer = new StagePeer(stage, 'alice');
  peer.say({ type: 'auth', userId: 'alice', secret: 's' });
  expect(stage.asked.map(({ request }) => request)).toEqual([
    { type: 'auth', userId: 'alice' },
    { type: 'auth', userId: 'alice', secret: 's' },
  ]);
  stage.asked[1]!.settle({ userId: 'alice', token: 't', expiresAt: 'then' });
  await stage.clock.run(1);
  expect(peer.frames).toEqual([]); // answers keep the order of their messages
  const refusal = { code: 401, message: 'no', retry: false };
  stage.asked[0]!.settle({ refusal });
  await stage.clock.run(1);
  expect(peer.frames).toEqual([
    { type: 'auth_result', success: false, message: 'no' },
    { type: 'auth_result', success: true, userId: 'alice', token: 't', expiresAt: 'then' },
  ]);
});

test('a fault of ours is an error, and what comes after it is answered', async () => {
  const stage = new Stage();
  const peer = new StagePeer(stage);
  peer.say(validate);
  peer.say(validate);
  stage.asked[1]!.settle({ userId: 'bob' });
  stage.asked[0]!.settle({ refusal: sessionRefusals.failed });
  await stage.clock.run(1);
  expect(peer.frames).toEqual([
    { type: 'error', code: 500, message: 'Something went wrong here.' },
    { type: 'validate_result', success: true, userId: 'bob' },
  ]);
});

test('a blank user in the URL is an error', () => {
  const peer = new StagePeer(new Stage(), ' ');
  expect(peer.frames).toEqual([
    {
      type: 'error',
      code: 400,
      message: 'Malformed message.',
      detail: 'userId: 1 to 64 characters, not blank, no control characters',
    },
  ]);
  expect(peer.closed).toBeUndefined();
});

test.each([
  'nonsense',
  'null',
  '[]',
  '{}',
  '{"type":"constructor"}',
  '{"type":"auth"}',
  '{"type":"auth","userId":5}',
  '{"type":"auth","userId":""}',
  '{"type":"auth","userId":"a\\u0000"}',
  `{"type":"auth","userId":"${'x'.repeat(65)}"}`,
  '{"type":"auth","userId":"a","secret":""}',
  '{"type":"validate"}',
  '{"type":"validate","token":""}',
  `{"type":"logout","token":"t","x":${'['.repeat(64)}${']'.repeat(64)}}`,
])('%.50s is an error, and the connection stays', (text) => {
  const stage = new Stage();
  const peer = new StagePeer(stage);
  peer.say(text);
  stage.sockets.frame(peer.seat, undefined);
  expect(peer.frames.map(({ type, code }) => [type, code])).toEqual([
    ['error', 400],
    ['error', 400],
  ]);
  expect([peer.closed, stage.asked]).toEqual([undefined, []]);
  expect(stage.figures.refused.badMessage).toBe(2);
});

test('who says nothing valid in time is closed, who was refused too; who was granted stays', async () => {
  const stage = new Stage();
  const quiet = new StagePeer(stage);
  const refused = new StagePeer(stage, 'alice');
  const granted = new StagePeer(stage, 'bob');
  stage.asked[0]!.settle({ refusal: { code: 401, message: 'no', retry: false } });
  stage.asked[1]!.settle({ userId: 'bob', token: 't' });
  await stage.clock.run(9_000);
  refused.say('nonsense');
  expect([quiet.closed, refused.closed]).toEqual([undefined, undefined]);
  await stage.clock.run(2_000);
  expect([quiet.closed, refused.closed, granted.closed]).toEqual([4408, 4408, undefined]);
});

test('a connection is pinged, and ended after two intervals without a sign', async () => {
  const stage = new Stage();
  const [mute, lively] = [new StagePeer(stage, 'a'), new StagePeer(stage, 'b')];
  for (const { settle } of stage.asked) settle({ token: 't' });
  for (let n = 0; n < 4; n++) {
    await stage.clock.run(20_000);
    stage.sockets.alive(lively.seat);
  }
  expect([mute.closed, lively.closed]).toEqual(['terminated', undefined]);
  expect(lively.frames).toContain('ping');
});

test('more than sixteen requests that wait are refused, more than sixty-four end the connection', () => {
  const stage = new Stage();
  const peer = new StagePeer(stage);
  for (let n = 0; n < 64; n++) peer.say(validate);
  expect(stage.asked).toHaveLength(16);
  expect(peer.closed).toBeUndefined();
  peer.say(validate);
  expect(peer.closed).toBe(4429);
});

test('an answer that comes after the close goes nowhere; the end closes everybody', async () => {
  const stage = new Stage();
  const peer = new StagePeer(stage, 'alice');
  const other = new StagePeer(stage);
  peer.close(1000);
  stage.asked[0]!.settle({ token: 't' });
  await stage.clock.run(1);
  expect(peer.frames).toEqual([]);
  stage.sockets.end();
  expect(other.closed).toBe(1001);
});
