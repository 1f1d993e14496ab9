import { expect, test } from 'bun:test';
import { Latencies } from '../../src/tasks/latencies.ts';
import { clientsView, statusView } from '../../src/tasks/views.ts';
import { Stage } from './stage.ts';

test('the status has exactly the fields of the source document', async () => {
  const stage = new Stage();
  stage.beat('a', { region: 'us-east' });
  stage.beat('b', { region: 'us-east' });
  stage.beat('c', { region: '__proto__' });
  stage.ask();
  expect(JSON.parse(JSON.stringify(statusView(stage.workers.byId.values(), true, 1)))).toEqual(
    JSON.parse(
      '{"server":"Online","websocket":"Connected","clients":3,"tasks":1,"regions":' +
        '{"us-east":{"clients":2,"active":2},"__proto__":{"clients":1,"active":1}}}',
    ),
  );
  expect(statusView([], false, 0)).toEqual({
    server: 'Online',
    websocket: 'Disabled',
    clients: 0,
    tasks: 0,
    regions: {},
  });
});

test('a worker is shown with what it does and how it is', async () => {
  const stage = new Stage();
  stage.beat('a', { region: 'r', weight: 3, concurrencyMax: 2 });
  stage.ask();
  stage.ask();
  await stage.clock.run(40);
  stage.answer(stage.calls[0]);
  expect(clientsView(stage.workers.byId.values())).toEqual({
    clients: [
      {
        node_id: 'a',
        protocol: 'http',
        region: 'r',
        weight: 3,
        max_concurrency: 2,
        health: 'healthy',
        in_flight: 1,
        last_seen: '2026-01-01T00:00:00.000Z',
        latency_ms: { p50: 40, p95: 40 },
        dropped: 0,
      },
    ],
  });
});

test('latencies are those of the last 128 answers, by nearest rank', () => {
  const latencies = new Latencies();
  expect(latencies.percentiles()).toBeUndefined();
  for (let ms = 1; ms <= 100; ms++) latencies.add(ms);
  expect(latencies.percentiles()).toEqual({ p50: 50, p95: 95 });
  for (let n = 0; n < 128; n++) latencies.add(1000 + n);
  expect(latencies.percentiles()).toEqual({ p50: 1063, p95: 1121 });
});
