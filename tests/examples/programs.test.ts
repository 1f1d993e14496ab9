import { afterEach, expect, test } from 'bun:test';
import {
  appendFileSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { connected, startFakeRelay, type FakeRelay, type Script } from './support/fake-relay.ts';
import { makeFifo, readNow } from './support/fifo.ts';
import { run, type Program } from './support/program.ts';
import { inFolder, until } from './support/until.ts';

const key = { RELAY_API_KEY: 'a-key' };
const open: { programs: Program[]; relays: FakeRelay[] } = { programs: [], relays: [] };

afterEach(async () => {
  for (const program of open.programs.splice(0)) {
    program.signal('SIGKILL');
    await program.ended;
  }
  for (const relay of open.relays.splice(0)) await relay.stop();
});

function relayWith(script: Script = {}): FakeRelay {
  const relay = startFakeRelay(script);
  open.relays.push(relay);
  return relay;
}

function start(client: 'bot' | 'mod', args: string[], env: Record<string, string> = key): Program {
  const file = { bot: 'examples/console-bot/bot.ts', mod: 'examples/minecraft-log/mod.ts' }[client];
  const program = run([file, '--back-off-ms', '5', ...args], env);
  open.programs.push(program);
  return program;
}

const toBot = { type: 'mod', channel_id: '1', server_id: 's', msg_id: 'm', author: { id: 'Al' } };
const chat = (text: string) => `[12:00:00] [Server thread/INFO]: <Al> ${text}\n`;

test('the bot prints what arrives and sends what is typed, then ends with its input', async () => {
  const relay = relayWith({
    handshake(caller) {
      caller.send(connected);
      caller.send({ ...toBot, content: 'hello\x1b[2J' });
    },
  });
  const bot = start('bot', ['--url', relay.url, '--name', 'Op', '--bot-id', 'b']);
  bot.type('1: first\nnowhere\n/channel 2\nsecond\n');
  bot.endInput();
  expect(await bot.ended).toEqual({ code: 0, signal: null });
  expect(bot.out()).toBe('[1] <Al> hello␛[2J\n');
  expect(relay.handshakes).toEqual([{ type: 'bot', data: { bot_id: 'b' } }]);
  const author = { id: 'b', name: 'Op' };
  expect(relay.received).toMatchObject([
    { id: '1', content: 'first', author },
    { id: '2', content: 'second', author },
  ]);
  expect(bot.err()).toContain('type `channel: text`');
});

test('--print-json prints one JSON line a message; --stay stays until ^C', async () => {
  const message = { ...toBot, content: 'two\nlines', meta: { event: 'chat' } };
  const relay = relayWith({
    handshake(caller) {
      caller.send(connected);
      caller.send(message);
    },
  });
  const bot = start('bot', ['--url', relay.url, '--print-json', '--stay']);
  bot.endInput();
  await until(() => bot.lines().length > 0, 'the message');
  expect(bot.lines().map((line) => JSON.parse(line))).toEqual([message]);
  bot.signal('SIGINT');
  expect(await bot.ended).toEqual({ code: 0, signal: null });
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'both programs end cleanly at %s, also while the relay is away',
  (signal) =>
    inFolder(async (folder) => {
      const relay = relayWith({ upgrade: () => 503 });
      const log = join(folder, 'latest.log');
      const mod = start('mod', ['--url', relay.url, '--log', log, '--channel', '1']);
      const bot = start('bot', ['--url', relay.url]);
      for (const program of [mod, bot]) {
        await until(() => program.err().includes('503'), '503 to be told');
        program.signal(signal);
        expect(await program.ended).toEqual({ code: 0, signal: null });
      }
    }),
);

test.each(['bot', 'mod'] as const)(
  'the %s says what is wrong with its key, never the key',
  (client) =>
    inFolder(async (folder) => {
      const relay = relayWith();
      const args = client === 'mod' ? ['--log', join(folder, 'x'), '--channel', '1'] : ['--stay'];
      const wrong = start(client, ['--url', relay.url, '--key', 'a-secret', ...args]);
      expect(await wrong.ended).toEqual({ code: 1, signal: null });
      expect(wrong.err()).toContain('does not know this API key (401)');
      expect(wrong.err() + wrong.out()).not.toContain('a-secret');

      const none = start(client, ['--url', relay.url, ...args], {});
      expect(await none.ended).toEqual({ code: 2, signal: null });
      expect(none.err()).toContain('RELAY_API_KEY');
    }),
);

test.each([
  ['bot', ['--no-such-flag'], 'no-such-flag'],
  ['bot', ['--url', 'nonsense'], '--url must look like'],
  ['bot', ['--back-off-ms', '0'], '--back-off-ms must be'],
  ['mod', ['--channel', '1'], '--log is missing'],
  ['mod', ['--log', 'x'], '--channel is missing'],
] as const)('the %s refuses %j', async (client, args, reason) => {
  const program = start(client, [...args]);
  expect(await program.ended).toEqual({ code: 2, signal: null });
  expect(program.err()).toContain(reason);
});

test('the mod sends events of the log in order, with who and what', () =>
  inFolder(async (folder) => {
    const relay = relayWith();
    const log = join(folder, 'latest.log');
    writeFileSync(log, `${chat('one')}noise\n[12:00:01 INFO]: Al was slain by Zombie\n`);
    start('mod', [
      '--url',
      relay.url,
      '--log',
      log,
      '--channel',
      '7',
      '--server',
      's1',
      '--from-start',
    ]);
    await until(() => relay.received.length >= 2, 'two messages');
    const common = { id: 's1', destination: { channel_id: '7' }, author: { id: 'Al', name: 'Al' } };
    expect(relay.handshakes).toEqual([{ type: 'mod', data: { server_id: 's1', channel_id: '7' } }]);
    expect(relay.received).toMatchObject([
      { ...common, content: 'one', meta: { event: 'chat' } },
      { ...common, content: 'Al was slain by Zombie', meta: { event: 'death' } },
    ]);
  }));

test('a mod that is stopped and started again, over a rotation, loses and repeats no line', () =>
  inFolder(async (folder) => {
    const relay = relayWith();
    const log = join(folder, 'latest.log');
    const args = ['--url', relay.url, '--log', log, '--channel', '1', '--poll-ms', '5'];
    args.push('--state', join(folder, 'state'), '--from-start');
    writeFileSync(log, chat('one') + chat('two'));

    const first = start('mod', args);
    await until(() => relay.received.length >= 2, 'the first two');
    first.signal('SIGTERM');
    expect(await first.ended).toEqual({ code: 0, signal: null });
    appendFileSync(log, chat('three'));
    renameSync(log, join(folder, 'old.log'));
    writeFileSync(log, chat('four'));

    start('mod', args);
    await until(() => relay.received.length >= 4, 'the other two');
    expect(relay.received.map(({ content }) => content)).toEqual(['one', 'two', 'three', 'four']);
  }));

test('a mod that is killed before its message has an answer repeats it with the same msg_id', () =>
  inFolder(async (folder) => {
    const relay = relayWith({
      message(caller, { content, msg_id }) {
        if (content === 'one' || caller.connection > 1) {
          caller.send({ status: 'completed', type: 'mod', msg_id });
        }
      },
    });
    const log = join(folder, 'latest.log');
    writeFileSync(log, chat('one') + chat('two'));
    const args = ['--url', relay.url, '--log', log, '--channel', '1', '--from-start'];
    args.push('--state', join(folder, 'state'));
    const first = start('mod', args);
    await until(() => relay.received.length >= 2, 'both');
    first.signal('SIGKILL');
    await first.ended;
    start('mod', args);
    await until(() => relay.received.length >= 3, 'the repeat');
    const [, before, after] = relay.received;
    expect(after).toEqual({
      ...before!,
      ts: expect.any(String),
      connection: 2,
    } as typeof after & {});
  }));

test('the mod refuses a state file that it cannot understand', () =>
  inFolder(async (folder) => {
    const state = join(folder, 'state');
    writeFileSync(state, 'nonsense');
    const mod = start('mod', ['--log', join(folder, 'x'), '--channel', '1', '--state', state]);
    expect(await mod.ended).toEqual({ code: 1, signal: null });
    expect(mod.err()).toContain('remove it to begin anew');
  }));

test('what the bot says becomes commands, also when the FIFO has no reader at first', () =>
  inFolder(async (folder) => {
    const fifo = makeFifo(folder);
    const relay = relayWith({
      handshake(caller) {
        caller.send(connected);
        for (const content of ['one', 'two\nstop', '\x00']) {
          const author = { id: 'u', name: 'Eve' };
          caller.send({ type: 'bot', channel_id: '1', msg_id: content, author, content });
        }
      },
    });
    const log = join(folder, 'latest.log');
    writeFileSync(log, chat('the mod is not blocked'));
    const args = ['--url', relay.url, '--log', log, '--channel', '1', '--from-start'];
    const mod = start('mod', [...args, '--commands', fifo]);
    await until(() => mod.err().includes('nothing reads'), 'the note about the reader');
    await until(() => relay.received.length > 0, 'a message past the blocked FIFO');
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(1_000);
    let commands = '';
    await until(() => {
      commands += bytes.toString('utf8', 0, readNow(reader, bytes));
      return commands.split('\n').length > 2;
    }, 'two commands');
    closeSync(reader);
    expect(commands).toBe(
      'tellraw @a {"text":"<Eve> one"}\ntellraw @a {"text":"<Eve> two stop"}\n',
    );
    mod.signal('SIGTERM');
    expect(await mod.ended).toEqual({ code: 0, signal: null });
  }));

test('without a reader the mod still ends, and says how many commands are lost', () =>
  inFolder(async (folder) => {
    const commands = join(folder, 'missing-folder', 'commands');
    const relay = relayWith({
      handshake(caller) {
        caller.send(connected);
        caller.send({
          type: 'bot',
          channel_id: '1',
          msg_id: '1',
          author: { id: 'u' },
          content: 'x',
        });
      },
    });
    const args = ['--url', relay.url, '--log', join(folder, 'latest.log'), '--channel', '1'];
    const mod = start('mod', [...args, '--commands', commands]);
    await until(() => mod.err().includes('(ENOENT); commands wait'), 'the trouble to be told');
    mod.signal('SIGTERM');
    expect(await mod.ended).toEqual({ code: 0, signal: null });
    expect(mod.err()).toContain('commands that found no reader: 1');
    expect(() => readFileSync(commands)).toThrow();
  }));
