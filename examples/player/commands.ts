/** What a typed line asks for. */
export type Command =
  | { do: 'list' | 'unlink' | 'quit' | 'nothing' }
  | { do: 'to'; user: string; text: string }
  | { do: 'in'; channel: string; text: string }
  | { do: 'join' | 'leave'; channel: string }
  | { do: 'link' | 'accept' | 'reject'; user: string }
  | { do: 'send'; user: string; path: string }
  | { do: 'hint'; hint: string };

/** So that no message is above what the server takes, however it is escaped. */
export const charsMax = 8_000;

export const commands = `list · to USER TEXT · join CHANNEL · leave CHANNEL · in CHANNEL TEXT ·
link USER · accept USER · reject USER · unlink · send USER FILE · quit
A name with spaces stands in quotes: to "Bob B" hello`;

const words = /^(\w+)(?:\s+(?:"([^"]+)"|(\S+)))?(?:\s+(.+))?$/su;

/** Reads a typed line. */
export function readCommand(line: string): Command {
  const text = line.trim();
  if (text === '') return { do: 'nothing' };
  if (text.length > charsMax) return { do: 'hint', hint: `longer than ${charsMax} characters` };
  const [, word, quoted, bare, rest] = words.exec(text) ?? [];
  const name = quoted ?? bare;
  const command = word === undefined ? undefined : commandOf(word, name, rest);
  return command ?? { do: 'hint', hint: commands };
}

function commandOf(word: string, name?: string, rest?: string): Command | undefined {
  if (name === undefined)
    return word === 'list' || word === 'unlink' || word === 'quit' ? { do: word } : undefined;
  const [user, channel] = [name, name];
  if (rest === undefined) {
    if (word === 'join' || word === 'leave') return { do: word, channel };
    return word === 'link' || word === 'accept' || word === 'reject'
      ? { do: word, user }
      : undefined;
  }
  if (word === 'to') return { do: word, user, text: rest };
  if (word === 'in') return { do: word, channel, text: rest };
  return word === 'send' ? { do: word, user, path: rest } : undefined;
}
