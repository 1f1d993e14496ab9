import { voidRun } from '../harness/void-run.ts';

export const workerToken = 'bench-worker-token';
const atOnce = 50;

export interface Registration {
  node_id: string;
  region: string;
  port: number;
  max_concurrency?: number;
}

/** Registers HTTP workers on 127.0.0.1 with a server, by one heartbeat each. */
export async function register(
  serverPort: number,
  workers: readonly Registration[],
): Promise<void> {
  const queue = workers.values();
  const url = `http://127.0.0.1:${serverPort}/client/heartbeat`;
  const headers = { 'content-type': 'application/json' };
  async function work() {
    for (const worker of queue) {
      const body = JSON.stringify({ ip: '127.0.0.1', token: workerToken, ...worker });
      const response = await fetch(url, { method: 'POST', headers, body });
      const text = await response.text();
      if (response.status !== 200) voidRun(`a heartbeat got ${response.status} ${text}`);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
}
