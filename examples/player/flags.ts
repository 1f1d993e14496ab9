import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { leave, wholeMs } from '../flags.ts';
import { commands } from './commands.ts';
import type { Account } from './token.ts';

const usage = `Usage: bun examples/player/player.ts --user ID [flags]
  --user ID            who we are
  --name NAME          how others see us
  --auth URL           where the sessions are (http://127.0.0.1:8080)
  --player URL         where the players are (ws://127.0.0.1:9090/player)
  --save DIR           where files go that others send (received)
  --secret-file FILE   our secret, which nobody else has; or in the environment as PLAYER_SECRET
  --stay               stay when the input ends
  --back-off-ms N      first wait before a reconnect (1000)
Commands:
${commands.replace(/^/gm, '  ')}`;

export interface PlayerFlags {
  account: Account;
  address: URL;
  userName: string | undefined;
  folder: string;
  stays: boolean;
  backOffMs: number;
}

/** Reads `process.argv`. What is wrong, or `--help`, is told and ends the process. */
export function readPlayerFlags(): PlayerFlags {
  const values = readValues();
  return {
    account: {
      auth: addressOf(values, 'auth', 'http://127.0.0.1:8080', '/auth'),
      userId: values.user ?? leave(`--user is missing\n${usage}`, 2),
      secret: secretOf(values['secret-file']),
    },
    address: addressOf(values, 'player', 'ws://127.0.0.1:9090', '/player'),
    userName: values.name,
    folder: values.save ?? 'received',
    stays: values.stay === true,
    backOffMs: wholeMs({ ...values }, 'back-off-ms', 1_000),
  };
}

function readValues() {
  const text = { type: 'string' } as const;
  const yesNo = { type: 'boolean' } as const;
  const names = { user: text, name: text, auth: text, player: text, save: text };
  const more = { 'secret-file': text, 'back-off-ms': text, stay: yesNo, help: yesNo };
  try {
    const { values } = parseArgs({ options: { ...names, ...more } });
    return values.help ? leave(usage, 0) : values;
  } catch (error) {
    return leave(`${(error as Error).message}\n${usage}`, 2);
  }
}

/** `path` is meant when the address has none; http and ws are the same server. */
function addressOf(
  values: { auth?: string | undefined; player?: string | undefined },
  name: 'auth' | 'player',
  defaultUrl: string,
  path: string,
): URL {
  const url = values[name] ?? defaultUrl;
  if (!URL.canParse(url) || !/^(ws|http)s?:/.test(url))
    return leave(`--${name} must look like ${defaultUrl}`, 2);
  const address = new URL(url);
  if (address.pathname === '/') address.pathname = path;
  const [from, to] = name === 'auth' ? ['ws', 'http'] : ['http', 'ws'];
  address.protocol = address.protocol.replace(from!, to!);
  return address;
}

/** Never from a flag, for `ps` shows those. */
function secretOf(file: string | undefined): string | undefined {
  if (file === undefined) return process.env.PLAYER_SECRET || undefined;
  try {
    return readFileSync(file, 'utf8').trim() || leave(`--secret-file: ${file} is empty`, 2);
  } catch (error) {
    return leave(`--secret-file: ${(error as Error).message}`, 2);
  }
}
