/**
 * Follows a Minecraft server's log and carries its events through a relay to a bot; what the bot
 * says comes back as `tellraw` commands. README.md shows how to run it.
 */
import { createHash } from 'node:crypto';
import { leave, linkFlags, readFlags, wholeMs } from '../flags.ts';
import type { Outgoing } from '../frames.ts';
import { openLink } from '../link.ts';
import { openCommands } from './commands.ts';
import { follow } from './follow.ts';
import { parseLine } from './parse.ts';
import { loadPlace, savePlace, type Place } from './place.ts';
import type { Line } from './reading.ts';
import { tellraw } from './tellraw.ts';

const usage = `Usage: bun examples/minecraft-log/mod.ts --log FILE --channel ID [flags]
  --log FILE        the server's logs/latest.log
  --channel ID      the channel that this server belongs to
  --server ID       the name of this server (minecraft)
  --commands FILE   where tellraw commands go: a file or a FIFO (none: they are left out)
  --from-start      read the log from its first line (default: only what is new)
  --state FILE      remember how far the log was read
  --url URL         the relay (ws://127.0.0.1:3333)
  --key KEY         the API key; better in the environment as RELAY_API_KEY
  --poll-ms N       how often to look at the log (250)
  --back-off-ms N   first wait before a reconnect (1000)`;

const values = readFlags(
  ['log', 'channel', 'server', 'commands', 'state', 'poll-ms'],
  ['from-start'],
  usage,
);
const log = String(values.log ?? leave(`--log is missing\n${usage}`, 2));
const channel = String(values.channel ?? leave(`--channel is missing\n${usage}`, 2));
const server = String(values.server ?? 'minecraft');
const state = values.state === undefined ? undefined : String(values.state);
const pollMs = wholeMs(values, 'poll-ms', 250);
const saved = state === undefined ? undefined : readState(state);

const say = (text: string) => console.error(`mod: ${text}`);
const stop = new AbortController();
const commands =
  values.commands === undefined ? undefined : openCommands(String(values.commands), say);

const link = openLink({
  ...linkFlags(values),
  handshake: { type: 'mod', data: { server_id: server, channel_id: channel } },
  say,
  onMessage({ author, content }) {
    const command = tellraw(author.name ?? author.id, content);
    if (command !== undefined) commands?.write(command);
  },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => link.close());
link.ended.then((reason) => {
  if (reason !== undefined) {
    say(reason);
    process.exitCode = 1;
  }
  stop.abort();
});

try {
  await relayLog(saved ?? (values['from-start'] ? 'start' : 'end'));
} catch (error) {
  say(String(error));
  process.exitCode = 1;
  link.close();
}
const leftOver = commands?.close() ?? 0;
if (leftOver > 0) say(`commands that found no reader: ${leftOver}`);

async function relayLog(from: 'start' | 'end' | Place): Promise<void> {
  let done: Place | undefined;
  for await (const line of follow(log, { from, pollMs, signal: stop.signal, say })) {
    const message = messageOf(line);
    // The log itself is the queue: the next line is read when this one has its answer.
    if (message && (await link.send(message)) === 'unsent') break;
    done = line.place;
    // Lines without an event may be read again after a crash; that repeats nothing.
    if (state !== undefined && (message || line.text === '')) savePlace(state, done);
  }
  if (state !== undefined && done) savePlace(state, done);
}

function messageOf({ text, place }: Line): Outgoing | undefined {
  const event = parseLine(text);
  if (!event) return undefined;
  const author = event.player ?? 'server';
  return {
    // The same line always gets the same id, also from a mod that was killed before it could save
    // its place: the bot sees the repeat.
    msg_id: createHash('sha256').update(`${place.inode} ${place.offset} ${text}`).digest('hex'),
    id: server,
    destination: { channel_id: channel },
    author: { id: author, name: author },
    content: event.text,
    meta: { event: event.kind },
    ts: new Date().toISOString(),
  };
}

function readState(path: string): Place | undefined {
  try {
    return loadPlace(path);
  } catch (error) {
    return leave((error as Error).message, 1);
  }
}
