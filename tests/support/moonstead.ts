import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The program under test: the compiled binary if MOONSTEAD_BINARY names one, else the source. */
export const program = process.env.MOONSTEAD_BINARY
  ? [process.env.MOONSTEAD_BINARY]
  : [process.execPath, join(import.meta.dir, '../../src/main.ts')];

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
}

/** A server in a process of its own, with real files and sockets. */
export class Moonstead {
  private constructor(
    readonly process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>,
    readonly folder: string,
    private readonly ownsFolder: boolean,
    private readonly lines: string[],
  ) {}

  port = 0;

  static async start({ toml = '', mls, env = {}, args = [], folder, port = 0 }: Options = {}) {
    const home = folder ?? temporaryFolder();
    const config = join(home, 'config.toml');
    writeFileSync(config, toml);
    const files = ['--config', config];
    if (mls !== undefined) {
      const file = join(home, 'mls.json');
      writeFileSync(file, typeof mls === 'string' ? mls : JSON.stringify(mls));
      files.push('--mls', file);
    }
    const child = Bun.spawn(
      [
        ...program,
        'start',
        ...files,
        ...['--data-dir', join(home, 'data'), '--port', String(port)],
        ...args,
      ],
      { cwd: home, env: { PATH: process.env.PATH, ...env }, stdout: 'pipe', stderr: 'pipe' },
    );
    const lines: string[] = [];
    const server = new Moonstead(child as never, home, folder === undefined, lines);
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
      await server.stop('SIGKILL');
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

  /** Ends it, waits for that, cleans up; resolves with its exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    if (this.process.exitCode === null) this.signal(signal);
    const code = await this.process.exited;
    if (this.ownsFolder) rmSync(this.folder, { recursive: true, force: true });
    return code;
  }
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
