import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { relayKeys } from '../../src/config/relay-keys.ts';
import { Scanner, type Watched, watchedVariable } from './scan.ts';

/** The program under test: the compiled binary if MOONSTEAD_BINARY names one, else the source. */
export const program = process.env.MOONSTEAD_BINARY
  ? [process.env.MOONSTEAD_BINARY]
  : [process.execPath, join(import.meta.dir, '../../src/main.ts')];

const repository = join(import.meta.dir, '../..');

/** A fresh folder; the caller removes it. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'moonstead-test-'));
}

/** Waits until `get` gives something, or fails after `deadlineMs` saying what was awaited. */
export async function until<T>(
  what: string,
  get: () => T | Promise<T>,
  deadlineMs = 10_000,
): Promise<NonNullable<T>> {
  const endMs = Date.now() + deadlineMs;
  for (;;) {
    const value = await get();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
    if (Date.now() > endMs) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Options {
  /** Text of config.toml. */
  toml?: string;
  /** Of mls.json: its text, or what it says. Without it the defaults hold. */
  mls?: string | object;
  env?: Record<string, string>;
  /** More words and flags. */
  args?: string[];
  /** Reuse a folder of an earlier run; else a fresh one, removed by `stop`. */
  folder?: string;
  /** 0 takes a free one. */
  port?: number;
  /**
   * Whether what leaves the server is searched for its secrets; it is unless told. What it holds of
   * them is little, but who measures memory may want none of it.
   */
  scan?: boolean;
}

/** A server in a process of its own, with real files and sockets. */
export class Moonstead {
  private constructor(
    readonly process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>,
    readonly folder: string,
    private readonly ownsFolder: boolean,
    private readonly lines: string[],
    private readonly watched: Watched,
  ) {}

  port = 0;

  static async start(options: Options = {}) {
    const { toml = '', mls, env = {}, args = [], folder, port = 0, scan = true } = options;
    const home = folder ?? temporaryFolder();
    const config = join(home, 'config.toml');
    writeFileSync(config, toml);
    const files: { config: string; mls?: string } = { config };
    if (mls !== undefined) {
      files.mls = join(home, 'mls.json');
      writeFileSync(files.mls, typeof mls === 'string' ? mls : JSON.stringify(mls));
    }
    const watched: Watched = {
      secrets: scan ? secretsOf(files, env, home) : [],
      report: join(home, 'leaks.txt'),
    };
    const child = Bun.spawn(
      [
        ...(scan ? scannedProgram : program),
        'start',
        ...Object.entries(files).flatMap(([name, file]) => [`--${name}`, file]),
        ...['--data-dir', join(home, 'data'), '--port', String(port)],
        ...args,
      ],
      {
        cwd: home,
        env: { PATH: process.env.PATH, ...env, [watchedVariable]: JSON.stringify(watched) },
        stdout: 'pipe',
        stderr: 'pipe',
      },
    );
    const lines: string[] = [];
    const server = new Moonstead(child as never, home, folder === undefined, lines, watched);
    void collect(child.stdout, lines);
    void collect(child.stderr, lines);
    try {
      await until('the server to listen', () => {
        if (child.exitCode !== null) throw new Error(`it ended: ${lines.join('\n')}`);
        const port = /^relay\b.* https?:\/\/.*:(\d+)$/m.exec(lines.join('\n'))?.[1];
        server.port = Number(port);
        return port;
      });
    } catch (error) {
      await server.end('SIGKILL');
      throw error;
    }
    return server;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Address of `/sync` with a key. */
  sync(key = 'gateway'): string {
    return `ws://127.0.0.1:${this.port}/sync?api_key=${encodeURIComponent(key)}`;
  }

  /** Everything it printed. */
  get output(): string {
    return this.lines.join('\n');
  }

  /** The events it logged. */
  get events(): { event: string; part: string; level: string; [field: string]: unknown }[] {
    return this.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  /** Ends it, waits for that, cleans up; resolves with its exit code. Rejects if secrets left it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    const { code, leaks } = await this.end(signal);
    if (leaks.length > 0) throw new Error(`secrets left the server:\n${leaks.join('\n')}`);
    return code;
  }

  private async end(signal: NodeJS.Signals): Promise<{ code: number; leaks: string[] }> {
    if (this.process.exitCode === null) this.signal(signal);
    const code = await this.process.exited;
    const leaks = [...leakedLines(this.lines, this.watched), ...reported(this.watched)];
    rmSync(this.watched.report, { force: true });
    if (this.ownsFolder) rmSync(this.folder, { recursive: true, force: true });
    return { code, leaks };
  }
}

/** The same program, looked at from inside; a binary takes no preload, so only its output is. */
const scannedProgram = process.env.MOONSTEAD_BINARY
  ? program
  : [program[0]!, '--preload', join(import.meta.dir, 'scan-preload.ts'), ...program.slice(1)];

/** All that the configuration keeps secret, and folders of this machine. */
function secretsOf(
  flags: { config: string; mls?: string },
  env: Record<string, string>,
  folder: string,
): [name: string, value: string][] {
  const { config, mls } = loadConfig({ flags, env, cwd: folder });
  const keyFile = config.server.tls.key;
  const pem = keyFile !== '' && existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : '';
  return [
    ...relayKeys(config).map(({ name, key }) => [`relay key ${name}`, key] as const),
    ...config.api.keys.map(({ name, key }) => [`API key ${name}`, key] as const),
    ...mls.tokens.map((token) => ['token of workers', token] as const),
    ...mls.task_keys.map((key) => ['task key', key] as const),
    ...pem.split('\n').map((line) => ['TLS key', line.startsWith('-') ? '' : line] as const),
    ['path of the TLS key', keyFile],
    ['folder of the server', folder],
    ['folder of the source', join(repository, 'src')],
    ['folder of the packages', join(repository, 'node_modules')],
  ].map(([name, value]) => [name!, value!]);
}

/** What its output holds; but what it says to who starts it may name folders. */
function leakedLines(lines: readonly string[], { secrets }: Watched): string[] {
  const leaks: string[] = [];
  let at = '';
  const scanner = new Scanner((what) => leaks.push(`${what} in the line ${at}`));
  for (const [name, value] of secrets) scanner.learn(name, value);
  for (at of lines) if (!at.startsWith('moonstead: ')) scanner.look(at, '');
  return leaks;
}

/** What was seen inside. */
function reported({ report }: Watched): string[] {
  return existsSync(report) ? readFileSync(report, 'utf8').trimEnd().split('\n') : [];
}

async function collect(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  }
  if (rest !== '') lines.push(rest);
}
