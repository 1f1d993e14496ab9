import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { until } from '../support/moonstead.ts';
import { answer, answerJson, Stage, token, words } from '../support/tasks.ts';

const stage = new Stage();
beforeAll(() => stage.start({ retry_count: 1 }));
afterEach(() => stage.clear());
afterAll(() => stage.stop());

async function metric(name: string): Promise<number> {
  const { text } = await stage.get('/metrics');
  const line = text.split('\n').find((one) => one.startsWith(`moonstead_tasks_${name} `));
  return Number(line?.slice(line.lastIndexOf(' ')) ?? NaN);
}

const workers = async (query = '') => (await stage.get(`/workers${query}`)).json as any;

describe('GET /workers', () => {
  test('shows each worker as /clients does, with the reason why one is not healthy', async () => {
    const worker = await stage.httpWorker(answerJson('1'), { weight: 3, max_concurrency: 9 });
    await stage.task();
    const { items, next } = await workers(`?region=${stage.region}`);
    expect(next).toBeNull();
    expect(items).toEqual([
      {
        node_id: worker.nodeId,
        protocol: 'http',
        region: stage.region,
        weight: 3,
        max_concurrency: 9,
        health: 'healthy',
        in_flight: 0,
        last_seen: expect.any(String),
        latency_ms: { p50: expect.any(Number), p95: expect.any(Number) },
        dropped: 0,
        health_reason: null,
      },
    ]);
    const entry = await stage.entryThat(worker.nodeId, ({ latency_ms: known }) => known !== null);
    const { health_reason: _, ...rest } = items[0];
    expect(rest).toEqual(entry);
    worker.close();
    for (let n = 0; n < 3; n++) await stage.task();
    const ejected = (await workers(`?region=${stage.region}&health=ejected`)).items;
    expect(ejected).toMatchObject([{ node_id: worker.nodeId, health: 'ejected' }]);
    expect(ejected[0].health_reason).toMatch(/^3 failed calls in a row; a trial from 20.+Z on$/);
  });

  test('is read in pages and by filters, on both listeners', async () => {
    const nodes = Array.from({ length: 12 }, (_, n) => `node-${n}`);
    for (const node_id of nodes) await stage.register(1, { node_id });
    await stage.socketWorker({ node_id: 'on a socket' });
    const seen: string[] = [];
    let query = '';
    for (;;) {
      const { items, next } = await workers(`?limit=5&region=${stage.region}${query}`);
      seen.push(...items.map((one: any) => one.node_id));
      if (next === null) break;
      query = `&cursor=${next}`;
    }
    expect(seen).toEqual([...nodes, 'on a socket']);
    const sockets = await workers('?protocol=websocket');
    expect(sockets.items.map((one: any) => one.node_id)).toEqual(['on a socket']);
    expect((await workers('?health=gone')).items).toEqual([]);
    expect((await workers('?region=none')).items).toEqual([]);
    const api = (await stage.get('/api/workers?limit=1000')).json;
    expect(api.items).toHaveLength(13);
    expect((await stage.get('/workers?colour=red')).status).toBe(400);
  });
});

describe('what became of tasks', () => {
  test('is in GET /tasks and in the metrics', async () => {
    const before = (await stage.get('/tasks')).json;
    await stage.httpWorker(answerJson('1'));
    await stage.task();
    await stage.task();
    const mute = await stage.socketWorker({ region: 'mute' });
    const asked = stage.begin(words, { region: 'mute' });
    const { task_id: id } = await mute.next(({ type }) => type === 'task');
    expect((await stage.get('/tasks')).json.in_flight).toBe(1);
    mute.say({ type: 'task_response', payload: { task_id: id, response: 'late' } });
    await asked.over();
    const late = await stage.task(words, { region: 'mute', timeout_ms: 100 });
    expect(late.status).toBe(504);
    const after = (await stage.get('/tasks')).json;
    expect(after.completed - before.completed).toBe(3);
    expect(after.accepted - before.accepted).toBe(4);
    expect(after.tries - before.tries).toBe(4);
    expect(after.failed.deadline - before.failed.deadline).toBe(1);
    expect(after.latency_ms).toEqual({
      p50: expect.any(Number),
      p95: expect.any(Number),
      p99: expect.any(Number),
    });
    expect(await metric('requests_total{outcome="answered"}')).toBe(after.completed);
    expect(await metric('requests_total{outcome="deadline"}')).toBe(after.failed.deadline);
    expect(await metric('request_seconds_count{outcome="answered"}')).toBe(after.completed);
    expect(await metric('request_seconds_bucket{le="60",outcome="deadline"}')).toBe(
      after.failed.deadline,
    );
    expect(await metric('workers{health="healthy"}')).toBe(2);
    expect(await metric('in_flight')).toBe(0);
  });

  test('is an event where no worker could be had, and tells nothing of the payload', async () => {
    const tries = await metric('retried_total');
    const two = [await stage.httpWorker(({ socket }) => socket.destroy()), undefined];
    two[1] = await stage.httpWorker(({ socket }) => socket.destroy());
    const failed = await stage.task();
    expect(failed.status).toBe(502);
    const event = await until('the event', () =>
      stage.server.events.find(
        ({ event, region }) => event === 'task_failed' && region === stage.region,
      ),
    );
    expect(event).toMatchObject({
      part: 'tasks',
      level: 'warn',
      task_id: failed.headers['x-task-id'],
      code: 502,
      reason: 'failed',
      attempts: 2,
      ms: expect.any(Number),
    });
    expect(await metric('retried_total')).toBe(tries + 1);
    const { text } = await stage.get('/logs?part=tasks&level=warn');
    expect(text).toContain('task_failed');
    for (const hidden of [words, token]) expect(text).not.toContain(hidden);
  });

  test('is counted for a caller who hangs up', async () => {
    const before = (await stage.get('/tasks')).json.failed.hung_up;
    const worker = await stage.socketWorker();
    const asked = stage.begin();
    await worker.next(({ type }) => type === 'task');
    asked.destroy();
    await worker.next(({ type }) => type === 'cancel');
    expect((await stage.get('/tasks')).json.failed.hung_up).toBe(before + 1);
  });

  test('is counted by reason for what never became one', async () => {
    const before = (await stage.get('/tasks')).json;
    await stage.taskText('{');
    await stage.taskText('{}', { 'Content-Type': 'text/plain' });
    await stage.taskText('{"region":"r"}');
    const { failed, accepted } = (await stage.get('/tasks')).json;
    expect(failed.bad_task - before.failed.bad_task).toBe(2);
    expect(failed.not_json - before.failed.not_json).toBe(1);
    expect(accepted).toBe(before.accepted);
    expect(await metric('requests_total{outcome="bad_task"}')).toBe(failed.bad_task);
  });

  test('no name of a worker or a region is a label', async () => {
    const worker = await stage.socketWorker({ node_id: 'a-node-of-its-own' });
    const asked = stage.begin();
    await answer(worker, 'x');
    await asked.over();
    const { text } = await stage.get('/metrics');
    expect(text).toContain('moonstead_tasks_requests_total');
    for (const name of ['a-node-of-its-own', stage.region]) expect(text).not.toContain(name);
    expect(await metric('heartbeats_total')).toBeGreaterThan(0);
  });
});
