import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Moonstead, temporaryFolder, until } from '../support/moonstead.ts';
import { type Script, startFakePlayers } from './support/fake-players.ts';
import { at, connected, playersAt, printed } from './support/player.ts';

const clean = { code: 0, signal: null };
const failed = { code: 1, signal: null };
const ends: (() => unknown)[] = [];
const start = playersAt(ends);
let server: Moonstead;
let users = 0;

beforeAll(async () => {
  server = await Moonstead.start();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => server.stop('SIGKILL'));

/** A player of the shared server, with a name that no other test has. */
async function enter(name: string, args: string[] = []) {
  const user = `${name}-${++users}`;
  const program = start([...at(server.http), '--user', user, ...args]);
  await connected(program);
  return { user, program };
}

function fake(script: Script) {
  const players = startFakePlayers(script);
  ends.push(players.stop);
  return players;
}

const ack = (frame: { msg_id: string }, status = 'completed') => ({
  type: 'message_ack',
  msg_id: frame.msg_id,
  status,
});

test('players see who is there, and who comes and goes', async () => {
  const alice = await enter('alice', ['--name', 'Alice\u202e']);
  const bob = await enter('bob', ['--name', 'Bob']);
  await printed(alice.program, `${bob.user} (Bob) is here`);
  bob.program.type('list\n');
  await printed(bob.program, `  ${alice.user} (Alice�)`, 2);
  bob.program.type('quit\n');
  expect(await bob.program.ended).toEqual(clean);
  await printed(alice.program, `${bob.user} has left`);
});

test('messages go both ways, in order, with what became of them', async () => {
  const alice = await enter('alice');
  const bob = await enter('bob');
  alice.program.type(`to ${bob.user} one\nto ${bob.user} \x1b[2Jtwo\n`);
  await printed(bob.program, `<${alice.user}> ␛[2Jtwo`);
  bob.program.type(`to ${alice.user} three\n`);
  await printed(alice.program, `<${bob.user}> three`);
  await printed(alice.program, `to ${bob.user}: completed`, 2);
  const said = bob.program.lines().filter((line) => line.startsWith('<'));
  expect(said).toEqual([`<${alice.user}> one`, `<${alice.user}> ␛[2Jtwo`]);
});

test('a message to somebody who is away is queued, and there when they come', async () => {
  const alice = await enter('alice');
  const away = `away ${++users}`;
  alice.program.type(`to "${away}" hello\n`);
  alice.program.endInput();
  expect(await alice.program.ended).toEqual(clean);
  expect(alice.program.lines()).toContain(`to ${away}: queued`);
  const late = start([...at(server.http), '--user', away]);
  await printed(late, `<${alice.user}> hello`);
});

test('links are asked for, accepted, rejected and ended', async () => {
  const alice = await enter('alice');
  const bob = await enter('bob');
  alice.program.type(`link ${bob.user}\n`);
  const asking = `${alice.user} asks for a link: accept ${alice.user}, or reject ${alice.user}`;
  await printed(bob.program, asking);
  bob.program.type(`reject ${alice.user}\n`);
  await printed(alice.program, `${bob.user} wants no link`);
  alice.program.type(`link ${bob.user}\n`);
  await printed(bob.program, asking, 2);
  bob.program.type(`accept ${alice.user}\n`);
  await printed(bob.program, `linked with ${alice.user}`);
  await printed(alice.program, `linked with ${bob.user}`);
  alice.program.type('unlink\n');
  await printed(bob.program, `no link with ${alice.user} any more`);
});

test('what the server refuses is told beside the command, and shows in the exit code', async () => {
  const { program } = await enter('alice');
  program.type('accept nobody\nlink nobody\nin lonely hello\nnonsense\n');
  program.endInput();
  expect(await program.ended).toEqual(failed);
  const lines = program.lines();
  expect(lines).toContain('accept nobody: This user has not asked for a link.');
  expect(lines).toContain('link nobody: This user is not online.');
  expect(lines).toContain('in lonely: failed: nobody is there');
  expect(program.out()).toContain('list · to USER TEXT');
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'after %s and a restart of the server, players are back in their channels',
  async (signal) => {
    const folder = temporaryFolder();
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    const before = await Moonstead.start({ folder });
    ends.push(() => before.stop('SIGKILL'));
    const [alice, bob] = ['alice', 'bob'].map((user) => {
      const program = start([...at(before.http), '--user', user]);
      program.type('join lobby\nlist\n');
      return program;
    }) as [ReturnType<typeof start>, ReturnType<typeof start>];
    for (const program of [alice, bob]) await printed(program, /^online/, 2);
    alice.type('in lobby one\n');
    await printed(bob, '<alice> one');
    await before.stop(signal);
    await until('the loss to be told', () => alice.err().includes('no connection to'));
    alice.type('to bob meanwhile\n');
    const after = await Moonstead.start({ folder, port: before.port });
    ends.push(() => after.stop('SIGKILL'));
    for (const program of [alice, bob]) await connected(program, 2);
    await printed(bob, '<alice> meanwhile');
    alice.type('in lobby two\n');
    await printed(bob, '<alice> two');
    await printed(alice, 'in lobby: completed', 2);
  },
);

test('the secret that claims a user comes from a file or the environment, and is never printed', async () => {
  const user = `claimed-${++users}`;
  const folder = temporaryFolder();
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'secret');
  writeFileSync(file, 'a-secret\n');
  const args = [...at(server.http), '--user', user];
  const owner = start([...args, '--secret-file', file]);
  await connected(owner);
  const wrong: Record<string, string>[] = [{}, { PLAYER_SECRET: 'another-secret' }];
  for (const env of wrong) {
    const other = start(args, env);
    expect(await other.ended).toEqual(failed);
    expect(other.err()).toMatch(/^player: no token: .*secret.* \(401\)\n$/i);
    expect(other.err()).not.toContain('another-secret');
  }
  const again = start(args, { PLAYER_SECRET: 'a-secret' });
  await connected(again);
  expect(await owner.ended).toEqual(failed);
  expect(owner.err()).toContain('connected from somewhere else (4410)');
});

test('leaving ends the session, so that a secret can be bound later', async () => {
  const { user, program } = await enter('alice');
  program.type('quit\n');
  expect(await program.ended).toEqual(clean);
  const claimed = start([...at(server.http), '--user', user], { PLAYER_SECRET: 'a-secret' });
  await connected(claimed);
});

test('a token that the server has forgotten is replaced, another one is used again', async () => {
  const players = fake({
    hello(caller, token) {
      if (caller.connection === 2) caller.cut();
      if (caller.connection !== 3) return caller.connection === 2;
      caller.send({ type: 'session_auth_result', success: false, message: `no ${token.length}` });
      caller.close(4401);
      return true;
    },
    welcome: (caller) => caller.connection === 1 && caller.cut(),
  });
  const program = start([...at(players.http), '--user', 'me']);
  await connected(program, 2);
  expect(players.tokens).toEqual(['token-1', 'token-1', 'token-1', 'token-2']);
  expect(program.err()).toContain('(4401 no 7); trying again in');
  program.signal('SIGTERM');
  expect(await program.ended).toEqual(clean);
  expect(players.asked).toEqual([
    { type: 'auth', userId: 'me' },
    { type: 'auth', userId: 'me' },
    { type: 'logout', token: 'token-2' },
  ]);
});

test('"try later" is obeyed, "no" ends it', async () => {
  const later = { status: 429, headers: { 'Retry-After': '1' } };
  const players = fake({
    login: (request) =>
      Response.json({ message: 'x\x1b' }, request === 1 ? later : { status: 400 }),
  });
  const program = start([...at(players.http), '--user', 'me']);
  await until('the first no', () => program.err().includes('x␛ (429)); trying again in 1000 ms'));
  expect(await program.ended).toEqual(failed);
  expect(program.err()).toEndWith('player: no token: x␛ (400)\n');
});

test('a message without an answer goes out again on the next connection, with the same msg_id', async () => {
  const players = fake({
    frame(caller, frame) {
      if (caller.connection === 1) caller.cut();
      else caller.send(ack(frame as never, 'queued'));
    },
  });
  const program = start([...at(players.http), '--user', 'me']);
  program.type('to bob one\nto bob two\n');
  program.endInput();
  expect(await program.ended).toEqual(clean);
  expect(players.received.map(({ data }) => data)).toEqual(['one', 'one', 'two']);
  expect(players.received[0]!.msg_id).toBe(players.received[1]!.msg_id);
  expect(program.lines()).toEqual(['to bob: queued', 'to bob: queued']);
});

test('"too many" is tried again, another error is told, and neither stops what comes behind', async () => {
  const seen = new Set<string>();
  const players = fake({
    frame({ send }, { type, data, msg_id: id, targetUserId }) {
      const isFirst = !seen.has(data ?? targetUserId);
      seen.add(data ?? targetUserId);
      const bad = { type: 'error', code: 400, message: 'Bad.', detail: 'x' };
      if (isFirst) send({ type: 'error', code: 429, message: 'Too many.' });
      else if (data === 'two' || targetUserId === 'carl') send(bad);
      else if (type === 'message') send(ack({ msg_id: id }));
    },
  });
  const program = start([...at(players.http), '--user', 'me']);
  program.type('to dora one\nto dora two\nlink bob\nlink carl\nto dora three\n');
  program.endInput();
  expect(await program.ended).toEqual(failed);
  expect(program.lines()).toEqual([
    'to dora: completed',
    'to dora: Bad.: x',
    'link carl: Bad.: x',
    'to dora: completed',
  ]);
  const twice = ['one', 'two', 'bob', 'carl', 'three'].flatMap((one) => [one, one]);
  expect(players.received.map(({ data, targetUserId }) => data ?? targetUserId)).toEqual(twice);
  expect(program.err()).not.toContain('Too many');
});

test('"too many" without end is told in the end', async () => {
  const players = fake({
    frame: ({ send }) => send({ type: 'error', code: 429, message: 'Too many.' }),
  });
  const program = start([...at(players.http), '--user', 'me']);
  program.type('to bob one\n');
  program.endInput();
  expect(await program.ended).toEqual(failed);
  expect(program.lines()).toEqual(['to bob: Too many.']);
  expect(players.received).toHaveLength(6);
});

test('a message that comes twice is printed once', async () => {
  const message = { type: 'message', fromUserId: 'bob', data: 'hi', msg_id: '1' };
  const players = fake({
    welcome(caller) {
      caller.send(message);
      if (caller.connection === 1) caller.cut();
      else caller.send({ ...message, data: 'you', msg_id: '2' });
    },
  });
  const program = start([...at(players.http), '--user', 'me', '--stay']);
  program.endInput();
  await printed(program, '<bob> you');
  expect(program.lines()).toEqual(['<bob> hi', '<bob> you']);
});

test('a name that the server does not take is told, and ends it', async () => {
  const program = start([...at(server.http), '--user', 'me', '--name', 'x'.repeat(1000)]);
  expect(await program.ended).toEqual(failed);
  expect(program.err()).toMatch(/^player: not let in: Malformed message.: userName.* \(400\)\n$/);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it while the server is away', async (signal) => {
  const away = start([...at('http://127.0.0.1:1'), '--user', 'me', '--back-off-ms', '60000']);
  away.type('to bob hello\n');
  await until('that to be told', () => away.err().includes('trying again in 60000 ms'));
  away.signal(signal);
  expect(await away.ended).toEqual(failed);
  expect(away.lines()).toEqual(['to bob: no answer; it may not have arrived']);
});

test.each([
  [[], '--user is missing'],
  [['--no-such-flag'], 'no-such-flag'],
  [['--user', 'me', '--auth', 'nonsense'], '--auth must look like'],
  [['--user', 'me', '--player', 'ftp://x'], '--player must look like'],
  [['--user', 'me', '--back-off-ms', '0'], '--back-off-ms must be'],
  [['--user', 'me', '--secret-file', 'no-such-file'], '--secret-file'],
])('%j is refused with 2', async (args, reason) => {
  const program = start(args);
  expect(await program.ended).toEqual({ code: 2, signal: null });
  expect(program.err()).toContain(reason);
});
