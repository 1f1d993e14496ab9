import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { moonstead } from '../harness/moonstead.ts';
import { freePort, startServer, withRunning, type Program } from '../harness/start-server.ts';
import type { LaneTarget, LaneWorkers } from './lane.ts';
import { workerToken } from './register.ts';

export type ServerKind = 'control' | 'subject' | 'nginx' | 'haproxy';

/** A server to start; `workers` for the subject, and for a control with a WebSocket worker. */
export interface Wanted {
  kind: ServerKind;
  workers?: LaneWorkers;
}

const oneWorker = { regions: 1, each: 1, asked: 'leaf' } as const;
export const oneHttpWorker: Wanted = {
  kind: 'subject',
  workers: { protocol: 'http', ...oneWorker },
};
export const oneWebSocketWorker: Wanted = {
  kind: 'subject',
  workers: { protocol: 'websocket', ...oneWorker },
};
export const controlWebSocketWorker: Wanted = { ...oneWebSocketWorker, kind: 'control' };

const control = join(import.meta.dir, 'control.ts');

/** Runs `work` with these servers, fresh; all are ended afterwards, come what may. */
export function withServers<T>(
  wanted: readonly Wanted[],
  work: (targets: LaneTarget[]) => Promise<T>,
): Promise<T> {
  const start = async ({ kind, workers }: Wanted) => {
    const workerPort = await freePort();
    const server = await startServer(kind, (folder) => program(kind, folder, workerPort));
    return { ...server, name: kind, workerPort, ...(workers && { workers }) };
  };
  return withRunning(wanted.map(start), work);
}

async function program(kind: ServerKind, folder: string, workerPort: number): Promise<Program> {
  switch (kind) {
    case 'control':
      return { command: [process.execPath, control, String(workerPort)] };
    case 'subject':
      return moonstead(folder, '', {
        tokens: [workerToken],
        workers_max: 20_000,
        tasks_max: 20_000,
        region_hierarchy: {},
      });
    case 'nginx': {
      const port = await freePort();
      const config = join(folder, 'nginx.conf');
      await Bun.write(config, nginxConfig(port, workerPort, folder));
      return { command: [find('nginx')!, '-p', folder, '-c', config, '-e', 'stderr'], port };
    }
    case 'haproxy': {
      const port = await freePort();
      const config = join(folder, 'haproxy.cfg');
      await Bun.write(config, haproxyConfig(port, workerPort));
      return { command: [find('haproxy')!, '-db', '-f', config], port };
    }
  }
}

/** One process, keep-alive on both sides, no access log; everything else is nginx's default. */
const nginxConfig = (port: number, workerPort: number, folder: string) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream worker {
    server 127.0.0.1:${workerPort};
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location = /task/request {
      proxy_pass http://worker;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;

/** One thread, keep-alive on both sides, no log. */
const haproxyConfig = (port: number, workerPort: number) => `
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend tasks
  bind 127.0.0.1:${port}
  default_backend workers
backend workers
  server worker 127.0.0.1:${workerPort}
`;

/** Why a row cannot be measured here, or undefined. */
export function missing(kind: ServerKind): string | undefined {
  const isPeer = kind === 'nginx' || kind === 'haproxy';
  return isPeer && find(kind) === undefined ? `${kind} is not installed` : undefined;
}

const find = (name: string) =>
  Bun.which(name) ?? [`/usr/sbin/${name}`].find((path) => existsSync(path));
