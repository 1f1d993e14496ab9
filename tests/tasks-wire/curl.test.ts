import { afterEach, beforeEach, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stage, token } from '../support/tasks.ts';

const exampleToken = 'supersecrettokenox0';
const hasCurl = Bun.which('curl') !== null;
const stage = new Stage();

beforeEach(() => stage.start({ tokens: [exampleToken, token] }));
afterEach(() => stage.stop());

/** Runs a line of shell whose curl finds this server where the document has localhost:8080. */
async function shell(line: string): Promise<string> {
  const home = stage.server.folder;
  const to = `localhost:8080:127.0.0.1:${stage.port}`;
  writeFileSync(join(home, '.curlrc'), `connect-to = "${to}"\nsilent\nshow-error\n`);
  const env = { PATH: process.env.PATH, CURL_HOME: home };
  const child = Bun.spawn(['sh', '-c', line], { env, stdout: 'pipe', stderr: 'inherit' });
  const out = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return out;
}

test.skipIf(!hasCurl)(
  "the source document's curl command, heartbeat and status work as they are printed",
  async () => {
    const heartbeat = `{
    "ip": "192.168.1.100",
    "node_id": "node-001",
    "token": "supersecrettokenox0",
    "region": "us-east-1",
    "port": 3000
  }`;
    const to = 'http://localhost:8080/client/heartbeat -H "Content-Type: application/json"';
    const registered = await shell(`curl -X POST ${to} -d '${heartbeat}'`);
    expect(registered).toBe('{"status":"registered","node_id":"node-001"}');

    // That address is somebody else's: the same node comes again from here.
    const { port } = await stage.nodeWorker('answer');
    await stage.register(port, { token: exampleToken, node_id: 'node-001', region: 'us-east-1' });
    const out = await shell(`curl -X POST http://localhost:8080/task/request \\
  -H "Content-Type: application/json" \\
  -d '{
    "region": "global",
    "payload": {
      "action": "process_data",
      "data": {"message": "Hello"}
    }
  }'`);
    const seen = { action: 'process_data', data: { message: 'Hello' } };
    expect(JSON.parse(out)).toEqual({ status: 'completed', result: { seen } });
    const status = JSON.parse(await shell('curl http://localhost:8080/status'));
    expect(status).toMatchObject({ server: 'Online', websocket: 'Connected', tasks: 0 });
    expect(status.regions['us-east-1']).toEqual({ clients: 1, active: 1 });
  },
);

test.skipIf(!hasCurl)('curl sends a large task, after asking whether it may', async () => {
  const worker = await stage.nodeWorker('answer');
  const region = stage.region;
  await stage.register(worker.port, { token: exampleToken });
  const file = join(stage.server.folder, 'large.json');
  const payload = 'x'.repeat(3_000_000);
  writeFileSync(file, JSON.stringify({ region, payload }));
  const json = '-H "Content-Type: application/json" -H "Expect: 100-continue"';
  const out = await shell(`curl ${json} -d @${file} http://localhost:8080/task/request`);
  expect(JSON.parse(out).result.seen).toBe(payload);
});
