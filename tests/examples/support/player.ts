import { afterEach, beforeEach } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, until } from '../../support/moonstead.ts';
import { type Program, run } from './program.ts';

/** Starts players, and ends them all. */
export function playersAt(ends: (() => unknown)[]) {
  return (args: string[], env: Record<string, string> = {}): Program => {
    const program = run(['examples/player/player.ts', '--back-off-ms', '5', ...args], env);
    ends.push(() => {
      program.signal('SIGKILL');
      return program.ended;
    });
    return program;
  };
}

/** Where both parts of a server are. */
export function at(http: string, player = http): string[] {
  return ['--auth', http, '--player', player];
}

/** Waits for a line of its standard output, or for `times` of them. */
export async function printed(program: Program, line: string | RegExp, times = 1): Promise<void> {
  const isIt = (one: string) => (typeof line === 'string' ? one === line : line.test(one));
  const seen = () => program.lines().filter(isIt).length >= times;
  await until(`${line} in`, seen).catch((error: Error) => {
    throw new Error(`${error.message}: ${program.out()}${program.err()}`);
  });
}

/** Waits until it has connected for the nth time. */
export async function connected(program: Program, times = 1): Promise<void> {
  const isIn = () => program.err().split('connected to').length > times;
  await until(`connection ${times}`, isIn, 4_000).catch((error: Error) => {
    throw new Error(`${error.message}: ${program.err()}`);
  });
}

/** For each test a folder of its own, in which every player has one for what it receives. */
export function playground() {
  const ends: (() => unknown)[] = [];
  const start = playersAt(ends);
  let folder = '';
  beforeEach(() => {
    folder = temporaryFolder();
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  return {
    ends,
    folder: () => folder,
    /** A player who is in. */
    async enter(user: string, where: string[]): Promise<Program> {
      const program = start([...where, '--user', user, '--save', join(folder, user)]);
      await connected(program);
      return program;
    },
    /** A new file of random bytes. */
    fileOf(name: string, bytes: number): { path: string; content: Buffer } {
      const path = join(folder, name);
      const content = randomBytes(bytes);
      writeFileSync(path, content);
      return { path, content };
    },
    /** Names of what a player has received. */
    saved(user: string): string[] {
      const place = join(folder, user);
      return existsSync(place) ? readdirSync(place).sort() : [];
    },
    isSaved: (user: string, name: string, content: Buffer): boolean =>
      readFileSync(join(folder, user, name)).equals(content),
  };
}
