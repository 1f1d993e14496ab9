/** A generated server log: its lines, and what a bot should print of them for one channel. */
export interface GameLog {
  lines: string[];
  printed: string[];
}

/** `count` lines in both formats: events of every kind, each of them unlike all others, and noise. */
export function generateLog(count: number, channel: string): GameLog {
  const log: GameLog = { lines: [], printed: [] };
  const names = ['Alice', 'Bob_2', '.Bedrock', 'x'];
  for (let number = 0; number < count; number++) {
    const name = names[number % names.length]!;
    const [words, author, text] = kinds[(number * 7) % kinds.length]!(name, number);
    const clock = new Date(number * 1_000).toISOString().slice(11, 19);
    const thread =
      words.includes('<') && number % 4 === 1 ? 'Async Chat Thread - #3' : 'Server thread';
    const prefix = number % 2 === 0 ? `[${clock} INFO]` : `[${clock}] [${thread}/INFO]`;
    log.lines.push(`${prefix}: ${words}`);
    if (text !== undefined) log.printed.push(`[${channel}] <${author}> ${text}`);
  }
  return log;
}

/** What the log says, and who said what according to the bot; noise has neither. */
type Kind = (name: string, number: number) => [words: string, author?: string, text?: string];

const sentence = (name: string, text: string): ReturnType<Kind> => [text, name, text];

const kinds: Kind[] = [
  (name, number) => [`<${name}> line ${number}`, name, `line ${number}`],
  (name, number) => [`[Not Secure] <${name}> "é日😀" \\${number}`, name, `"é日😀" \\${number}`],
  (name, number) => [`<${name}> Bob was slain by ${number}`, name, `Bob was slain by ${number}`],
  (_, number) => sentence(`P${number}`, `P${number} joined the game`),
  (_, number) => sentence(`P${number}`, `P${number} left the game`),
  (name, number) => sentence(name, `${name} was shot by Skeleton using [Bow ${number}]`),
  (_, number) => sentence(`D${number}`, `D${number} drowned`),
  (name, number) => sentence(name, `${name} has made the advancement [Number ${number}]`),
  (name, number) => sentence(name, `${name} has completed the challenge [Number ${number}]`),
  (name, number) => [`${name}[/127.0.0.1:5${number}] logged in with entity id ${number}`],
  (_, number) => [`Can't keep up! Is the server overloaded? Running ${number}ms behind`],
];
