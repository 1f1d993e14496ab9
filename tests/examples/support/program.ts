import { spawn } from 'node:child_process';

/** A child process and what it has printed so far. */
export interface Program {
  out: () => string;
  /** Whole lines of its standard output. */
  lines: () => string[];
  err: () => string;
  type: (text: string) => void;
  endInput: () => void;
  signal: (name: NodeJS.Signals) => void;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const root = new URL('../../..', import.meta.url).pathname;

/** Runs `bun <args>` in the project's folder, with an environment that holds no settings of ours. */
export function run(args: string[], env: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (err += text));
  child.stdin.on('error', () => {}); // it may end before it has read everything
  return {
    out: () => out,
    lines: () => out.split('\n').slice(0, -1),
    err: () => err,
    type: (text) => void child.stdin.write(text),
    endInput: () => void child.stdin.end(),
    signal: (name) => void child.kill(name),
    ended: new Promise((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal }));
    }),
  };
}
