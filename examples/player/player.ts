/** A player in a terminal: chats, links, sends and receives files. README.md shows how to run it. */
import { createInterface } from 'node:readline';
import { createActions } from './actions.ts';
import { type Command, readCommand } from './commands.ts';
import { readPlayerFlags } from './flags.ts';
import type { Frame } from './frames.ts';
import { newsOf, outcomeOf, shown } from './news.ts';
import { createReceiving } from './receiving.ts';
import { createRepeats } from './repeats.ts';
import { createRequests } from './requests.ts';
import { createScreen } from './screen.ts';
import { createSending } from './sending.ts';
import { stayConnected } from './session.ts';

const { account, address, userName, folder, stays, backOffMs } = readPlayerFlags();
const stop = new AbortController();
const { signal } = stop;
const { stdout, stderr } = process;
const screen = createScreen({
  isTerminal: stdout.isTTY === true,
  columns: () => stdout.columns || 80,
  out: (text) => void stdout.write(text),
  err: (text) => void stderr.write(text),
});
const requests = createRequests({ backOffMs, answerMs: 60_000 });
const sending = createSending({ requests, screen, backOffMs, signal });
const receiving = createReceiving({
  folder,
  screen,
  received: (transferId) =>
    void requests.tell({ type: 'file_received', transferId }, 'this connection'),
});
const { act, joined } = createActions({ requests, sendFile: sending.send });
const isRepeat = createRepeats();

const input = createInterface({ input: process.stdin });
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
stdout.on('error', () => stop.abort()); // whoever read us has gone
const ended = stayConnected({
  ...{ account, address, userName, signal, backOffMs, onFrame, say: screen.say },
  onBytes: receiving.onBytes,
  onIn(send) {
    screen.say(`connected to ${address.origin} as ${shown(account.userId)}`);
    // After a restart of the server nobody is in a channel.
    for (const channel of joined) send(JSON.stringify({ type: 'join', channel }));
    sending.connected(send);
    requests.connected(send);
  },
  onOut() {
    sending.disconnected();
    receiving.disconnected();
    requests.disconnected();
  },
}).then((reason) => {
  if (reason !== undefined) {
    screen.say(reason);
    process.exitCode = 1;
  }
  stop.abort();
  requests.end();
  input.close();
  process.stdin.destroy();
});

const underWay = new Set<Promise<void>>();
let hasQuit = false;
for await (const line of input) {
  const command = readCommand(line);
  hasQuit = command.do === 'quit';
  if (hasQuit) break;
  const done: Promise<void> = run(command).finally(() => underWay.delete(done));
  underWay.add(done);
}
if (stays && !hasQuit) await ended;
// What was typed gets its answers first.
await Promise.all(underWay);
stop.abort();

async function run(command: Command): Promise<void> {
  const { isDone, line } = await act(command);
  if (line !== undefined) screen.print(line);
  if (!isDone) process.exitCode = 1;
}

function onFrame(frame: Frame): void {
  const isAnswer = requests.onFrame(frame);
  sending.onFrame(frame);
  receiving.onFrame(frame);
  if (frame.type === 'error' && !isAnswer) screen.say(`the server says: ${outcomeOf(frame)}`);
  if (frame.type === 'message' && isRepeat(frame)) return;
  for (const line of newsOf(frame) ?? []) screen.print(line);
}
