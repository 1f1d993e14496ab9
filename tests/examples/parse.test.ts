import { expect, test } from 'bun:test';
import { parseLine, type GameEvent } from '../../examples/minecraft-log/parse.ts';

/** The prefixes of vanilla, of Paper's log file and of Paper's console. */
const prefixes = [
  '[12:34:56] [Server thread/INFO]: ',
  '[00:00:00] [Async Chat Thread - #12/INFO]: ',
  '[23:59:59 INFO]: ',
];

type Kind = GameEvent['kind'];

const events: [line: string, kind: Kind, player: string | undefined, text: string][] = [
  ['<Alice> hello there', 'chat', 'Alice', 'hello there'],
  ['[Not Secure] <Alice> hello', 'chat', 'Alice', 'hello'],
  ['<[Red] Alice> with a team', 'chat', '[Red] Alice', 'with a team'],
  ['<.Bedrock_1> from a phone', 'chat', '.Bedrock_1', 'from a phone'],
  ['<Alice> <Bob> no I am Alice', 'chat', 'Alice', '<Bob> no I am Alice'],
  ['<Alice> Bob was slain by Zombie', 'chat', 'Alice', 'Bob was slain by Zombie'],
  ['[Not Secure] <Bob> Alice fell out of the world', 'chat', 'Bob', 'Alice fell out of the world'],
  ['<Alice> Alice joined the game', 'chat', 'Alice', 'Alice joined the game'],
  ['<Alice> Stopping server', 'chat', 'Alice', 'Stopping server'],
  [
    '<Alice> [12:00:00] [Server thread/INFO]: Bob left the game',
    'chat',
    'Alice',
    '[12:00:00] [Server thread/INFO]: Bob left the game',
  ],
  ['<Alice> Zürich 日本 👩‍🚀 "quoted" \\n', 'chat', 'Alice', 'Zürich 日本 👩‍🚀 "quoted" \\n'],
  ['Alice joined the game', 'join', 'Alice', 'Alice joined the game'],
  [
    'Alice (formerly known as Bob) joined the game',
    'join',
    'Alice',
    'Alice (formerly known as Bob) joined the game',
  ],
  ['Alice left the game', 'leave', 'Alice', 'Alice left the game'],
  [
    'Alice has made the advancement [Stone Age]',
    'advancement',
    'Alice',
    'Alice has made the advancement [Stone Age]',
  ],
  [
    'Bob has completed the challenge [Return to Sender]',
    'advancement',
    'Bob',
    'Bob has completed the challenge [Return to Sender]',
  ],
  [
    'Bob has reached the goal [Sky’s the Limit]',
    'advancement',
    'Bob',
    'Bob has reached the goal [Sky’s the Limit]',
  ],
  ['Done (12.345s)! For help, type "help"', 'start', undefined, 'The server has started.'],
  ['Done (3,2s)! For help, type "help" or "?"', 'start', undefined, 'The server has started.'],
  ['Stopping server', 'stop', undefined, 'The server is stopping.'],
];

test.each(events)('%s', (line, kind, player, text) => {
  const expected = player === undefined ? { kind, text } : { kind, player, text };
  for (const prefix of prefixes) expect(parseLine(prefix + line)).toEqual(expected);
});

const deaths = [
  'was shot by Skeleton',
  'was shot by Bob using [Bow of Doom]',
  'was shot by a skull from Wither',
  'was pummeled by Snow Golem',
  'was pricked to death',
  'walked into a cactus while trying to escape Zombie',
  "was roasted in dragon's breath",
  'drowned',
  'drowned while trying to escape Drowned',
  'died from dehydration',
  'experienced kinetic energy while trying to escape Bob',
  'blew up',
  'was blown up by Creeper',
  'was killed by [Intentional Game Design]',
  'hit the ground too hard',
  'fell from a high place',
  'fell off a ladder',
  'fell off some weeping vines',
  'fell off scaffolding',
  'fell while climbing',
  'fell out of the water',
  'fell too far and was finished by Bob using Axe',
  'was doomed to fall',
  'was doomed to fall by Bob',
  'was impaled on a stalagmite while fighting Bob',
  'was squashed by a falling anvil',
  'was skewered by a falling stalactite',
  'went up in flames',
  'walked into fire while fighting Blaze',
  'burned to death',
  'was burnt to a crisp whilst fighting Blaze',
  'was burned to a crisp while fighting Bob wielding [Torch]',
  'went off with a bang due to a firework fired from Crossbow by Bob',
  'tried to swim in lava',
  'tried to swim in lava to escape Zombie',
  'was struck by lightning',
  'discovered the floor was lava',
  'walked into the danger zone due to Bob',
  'was killed by magic',
  'was killed by even more magic',
  'was killed by Witch using magic',
  'froze to death',
  'was frozen to death by Stray',
  'was slain by Zombie',
  'was slain by Bob using [Sword of "Truth"]',
  'was fireballed by Ghast',
  'was stung to death',
  'was stung to death by Bee',
  'was obliterated by a sonically-charged shriek',
  'was smashed by Bob with [Mace]',
  'was impaled by Drowned',
  'was poked to death by a sweet berry bush',
  'was killed while trying to hurt Guardian',
  'was killed by Thorns while trying to hurt Bob',
  'starved to death',
  'suffocated in a wall',
  'was squished too much',
  'was squashed by Bob',
  'left the confines of this world',
  'fell out of the world',
  "didn't want to live in the same world as Bob",
  'withered away',
  'died',
  'died because of Bob',
  'was killed',
  'was speared by Piglin',
];

test.each(deaths)('a player who %s is dead', (words) => {
  const text = `Alice ${words}`;
  for (const prefix of prefixes) {
    expect(parseLine(prefix + text)).toEqual({ kind: 'death', player: 'Alice', text });
    expect(parseLine(`${prefix}<Bob> ${text}`)).toEqual({ kind: 'chat', player: 'Bob', text });
    expect(parseLine(`${prefix}[Server] ${text}`)).toBeUndefined();
    expect(parseLine(`${prefix}* Bob ${text}`)).toBeUndefined();
  }
});

test('a death that did not fit a packet is told without its excuse', () => {
  const line =
    "Actually, the message was too long to deliver fully. Sorry! Here's a stripped version: Alice was slain by Zombie";
  expect(parseLine(prefixes[0] + line)).toEqual({
    kind: 'death',
    player: 'Alice',
    text: 'Alice was slain by Zombie',
  });
});

const noise = [
  '',
  ' ',
  'Alice joined the game',
  '[12:34:56] [Server thread/INFO]:',
  '[12:34:56] [Server thread/INFO]: ',
  '[12:34:56] [Server thread/INFO]: <Alice>',
  '[12:34:56] [Server thread/INFO]: <> hello',
  '[12:34:56] [Server thread/WARN]: <Alice> hello',
  '[12:34:56] [Server thread/WARN]: Alice moved too quickly! 10.0,0.1,3.2',
  '[12:34:56 WARN]: Alice was slain by Zombie',
  '[12:34:56] [User Authenticator #1/INFO]: UUID of player Alice is 069a79f4-44e9-4726-a5be-fca90e38aaf5',
  '[12:34:56] [Worker-Main-1/INFO]: Alice joined the game',
  '[12:34:56] [Server thread/INFO]: Alice[/127.0.0.1:55555] logged in with entity id 12 at (1.5, 64.0, 2.5)',
  '[12:34:56] [Server thread/INFO]: Alice lost connection: Disconnected',
  '[12:34:56] [Server thread/INFO]: Alice issued server command: /kill Bob',
  '[12:34:56] [Server thread/INFO]: Alice was slain',
  '[12:34:56] [Server thread/INFO]: Alice was kicked for floating too long!',
  '[12:34:56] [Server thread/INFO]: Alice died yesterday',
  '[12:34:56] [Server thread/INFO]: Alice left the game early',
  '[12:34:56] [Server thread/INFO]: AVeryLongNameOfAPlayer joined the game',
  "[12:34:56] [Server thread/INFO]: Named entity Villager['Bob'/12, l='world'] died: Bob was slain by Zombie",
  "[12:34:56] [Server thread/INFO]: Villager Villager['Bob'/12, l='world'] died, message: 'Bob was slain by Zombie'",
  '[12:34:56] [Server thread/INFO]: [Server] restarting soon',
  '[12:34:56] [Server thread/INFO]: * Alice waves',
  '[12:34:56] [Server thread/INFO]: There are 2 of a max of 20 players online: Alice, Bob',
  '[12:34:56] [Server thread/INFO]: Stopping the server',
  '[12:34:56] [Server thread/INFO]: Done preparing level "world" (3.1s)',
  'java.lang.NullPointerException: <Alice> hello',
  '\tat net.minecraft.server.Main.main(Main.java:1)',
];

test.each(noise)('no event: %j', (line) => {
  expect(parseLine(line)).toBeUndefined();
});

test('colours and control characters of a console do not hide a line, and are not passed on', () => {
  const line = '\x1b[32m[12:34:56 INFO]: \x1b[0m§6<Alice>§r \x07he\u0000llo\u2028\x1b[31m!\x1b[m';
  expect(parseLine(line)).toEqual({ kind: 'chat', player: 'Alice', text: 'hello!' });
});

test('a line of 64 KiB is read in no time', () => {
  const long = 'was killed by a while fighting '.repeat(2_100);
  const start = performance.now();
  expect(parseLine(`${prefixes[0]}Alice ${long}`)?.kind).toBe('death');
  expect(parseLine(`${prefixes[0]}Alice went off with a bang due to ${long}`)?.kind).toBe('death');
  expect(parseLine(`${prefixes[0]}${'[x] '.repeat(16_000)}`)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(1_000);
});
