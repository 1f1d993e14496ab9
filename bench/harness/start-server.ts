import { createServer } from 'node:net';
import { endProcess, startProcess } from './processes.ts';
import { removeFolder, tempFolder } from './temp-folder.ts';

export interface Program {
  command: string[];
  env?: Record<string, string>;
  /** Where it listens, if it does not say so itself by printing its URL. */
  port?: number;
}

export interface RunningServer {
  port: number;
  pid: number;
  stop(): Promise<void>;
}

const startMs = 10_000;

/** Starts a server on the servers' core, with a temporary folder of its own. */
export async function startServer(
  name: string,
  program: (folder: string) => Promise<Program>,
): Promise<RunningServer> {
  const folder = tempFolder();
  const { command, env, port } = await program(folder);
  const child = startProcess(command, 'server', env);
  const stop = async () => {
    await endProcess(child);
    removeFolder(folder);
  };
  try {
    if (port !== undefined) await listening(port);
    return { pid: child.pid, port: port ?? (await portOf(child)), stop };
  } catch (problem) {
    await stop();
    const said = port === undefined ? '' : await new Response(child.stderr).text();
    throw new Error(`${name} did not start: ${problem} ${said}`);
  }
}

/** Runs `work` with all of these servers; they are ended afterwards, come what may. */
export async function withRunning<S extends RunningServer, T>(
  starting: readonly Promise<S>[],
  work: (servers: S[]) => Promise<T>,
): Promise<T> {
  const started = await Promise.allSettled(starting);
  const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  try {
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return await work(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** A port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The port in the first URL that a server prints. */
async function portOf(child: ReturnType<typeof startProcess>): Promise<number> {
  const deadline = setTimeout(() => child.kill('SIGKILL'), startMs);
  try {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const port = /(?:http|ws)s?:\/\/[^\s/]+:(\d+)/.exec(text)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error(`${text}${await new Response(child.stderr).text()}`);
  } finally {
    clearTimeout(deadline);
  }
}

/** Waits until something listens on `port`. */
async function listening(port: number): Promise<void> {
  for (const end = Date.now() + startMs; ; await Bun.sleep(20)) {
    try {
      (await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })).end();
      return;
    } catch (problem) {
      if (Date.now() > end) throw problem;
    }
  }
}
