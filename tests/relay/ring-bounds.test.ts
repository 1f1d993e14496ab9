import { expect, test } from 'bun:test';
import { botMessage, modMessage } from '../support/relay-client.ts';
import { type Actor, Stage } from './stage.ts';

/** Some 400 bytes as it is delivered. */
const long = (name: string) => modMessage(name, `${name} ${'x'.repeat(200)}`);
const heard = ({ contents }: Actor) => contents.map((content) => content.split(' ')[0]!);
const failures = ({ got }: Actor) =>
  got.filter(({ status }) => status === 'failed').map(({ detail }) => detail);

for (const bound of ['ringBytesMax', 'keyRingBytesMax'] as const)
  test(`what joins a ring past ${bound} pushes out nothing that was acknowledged`, async () => {
    const stage = await new Stage({ slowBytes: 10_000, [bound]: 1000 }).begin();
    const mod = stage.mod();
    mod.say(long('1'), long('2'));
    await stage.pass();
    const dead = stage.bot();
    await stage.pass(1);
    mod.say(long('3'), long('4'));
    expect(mod.statuses).toEqual(['connected', 'queued', 'queued', 'completed', 'completed']);
    dead.close(1006);
    const bot = stage.bot();
    await stage.pass(1);
    expect(heard(bot)).toEqual(['1', '2', '3', '4']);
    expect(stage.relay.rings.pushedOut).toBe(0);
  });

test('while the rings are past their bytes nothing more is queued, and who is there is served', async () => {
  const stage = await new Stage({ slowBytes: 10_000, ringBytesMax: 1000 }).begin();
  const [mod, robot] = [stage.mod(), stage.bot()];
  mod.say(long('1'), long('2'), long('3'));
  robot.close(1006);
  await stage.pass();
  mod.say(long('4'));
  expect(failures(mod)).toEqual(['gateway.ring_bytes_max']);
  const next = stage.bot();
  await stage.pass(1);
  mod.say(long('5'));
  expect(heard(next)).toEqual(['1', '2', '3', '5']);
  next.pong();
  await stage.pass(200);
  next.pong();
  next.close(1006);
  mod.say(long('6'));
  await stage.pass();
  expect(mod.statuses.slice(1)).toEqual([
    'completed',
    'completed',
    'completed',
    'failed',
    'completed',
    'queued',
  ]);
});

test('what one connection after another leaves unconfirmed makes live messages fail before it fills the disk', async () => {
  const bounds = { ringBytesMax: 1000, unreceiptedBytesMax: 2000 };
  const stage = await new Stage({ slowBytes: 10_000, ...bounds }).begin();
  const robot = stage.bot();
  for (let i = 0; i < 40; i++) {
    const mod = stage.mod('srv', `channel ${i}`);
    robot.say(botMessage(`${i}`, 'x'.repeat(200), { id: `channel ${i}` }));
    mod.close(1006);
    await stage.pass();
  }
  const answers = robot.statuses.slice(1);
  const completed = answers.filter((status) => status === 'completed').length;
  expect(answers).toEqual(
    Array.from({ length: 40 }, (_, i) => (i < completed ? 'completed' : 'failed')),
  );
  expect(new Set(failures(robot))).toEqual(new Set(['gateway.ring_bytes_max']));
  const { bytes } = stage.relay.rings.bounds;
  expect(bytes).toBeGreaterThan(2500);
  expect(bytes).toBeLessThan(3600);
  // Whoever fetches something makes room.
  for (let i = 0; i < 3; i++) {
    const mod = stage.mod('srv', `channel ${i}`);
    await stage.pass(1);
    expect(mod.contents).toHaveLength(1);
    mod.pong();
    await stage.pass();
    mod.close(1006);
  }
  stage.mod();
  robot.say(botMessage('last'));
  expect(robot.statuses.at(-1)).toBe('completed');
});
