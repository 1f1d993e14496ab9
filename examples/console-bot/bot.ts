/**
 * A bot in a terminal: prints what the servers say and sends what is typed. README.md shows how to
 * run it.
 */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { linkFlags, readFlags } from '../flags.ts';
import { openLink } from '../link.ts';
import { jsonLineOf, lineOf, readTyped } from './terminal.ts';

const usage = `Usage: bun examples/console-bot/bot.ts [flags]
  --name NAME       whose words the typed lines are (console)
  --bot-id ID       the name of this bot (console-bot)
  --print-json      print each message as one JSON line
  --stay            stay when the input ends
  --url URL         the relay (ws://127.0.0.1:3333)
  --key KEY         the API key; better in the environment as RELAY_API_KEY
  --back-off-ms N   first wait before a reconnect (1000)
Type "channel: text", or "/channel 123" and then lines for that channel. ^C ends.`;

const values = readFlags(['name', 'bot-id'], ['print-json', 'stay'], usage);
const name = String(values.name ?? 'console');
const botId = String(values['bot-id'] ?? 'console-bot');
const say = (text: string) => console.error(`bot: ${text}`);
const print = values['print-json'] ? jsonLineOf : lineOf;

const link = openLink({
  ...linkFlags(values),
  handshake: { type: 'bot', data: { bot_id: botId } },
  say,
  onMessage: (message) => void process.stdout.write(`${print(message)}\n`),
});
const input = createInterface({ input: process.stdin });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => link.close());
process.stdout.on('error', () => link.close()); // whoever read us has gone
link.ended.then((reason) => {
  if (reason !== undefined) {
    say(reason);
    process.exitCode = 1;
  }
  input.close();
  process.stdin.destroy();
});

let chosen = '';
for await (const line of input) {
  const typed = readTyped(line, chosen);
  if (typed.do === 'choose') chosen = typed.channel;
  else if (typed.do === 'send') await send(typed.channel, typed.text);
  else if (typed.hint !== undefined) say(typed.hint);
}
if (!values.stay) link.close();

async function send(channel: string, content: string): Promise<void> {
  const outcome = await link.send({
    msg_id: randomUUID(),
    id: channel,
    author: { id: botId, name },
    content,
    ts: new Date().toISOString(),
  });
  if (outcome === 'unsent') say('the last line has no answer; it may not have arrived');
}
