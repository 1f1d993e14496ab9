import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Answering, HttpWorker } from '../support/http-worker.ts';
import { until } from '../support/moonstead.ts';
import { answerJson, Stage } from '../support/tasks.ts';

setDefaultTimeout(20_000);

const stage = new Stage();

afterEach(() => stage.stop());

const closes: Answering = ({ socket }) => socket.destroy();
const isActive = async (count: number) =>
  (await stage.status()).regions[stage.region].active === count;

/** What became of a worker's health, as the log has it. */
function verdicts({ nodeId }: HttpWorker): unknown[] {
  return stage.server.events
    .filter(({ node_id: id, event }) => id === nodeId && /ejected|healthy/.test(event))
    .map(({ event, pause_ms: pauseMs, checks }) => pauseMs ?? checks ?? event);
}

/** Two that are well, beside the one in question: fewer than half may be ejected. */
async function wellOnes(): Promise<void> {
  await stage.httpWorker(answerJson('"well"'));
  await stage.httpWorker(answerJson('"well"'));
}

async function tasks(count: number, more: object = {}): Promise<void> {
  for (let i = 0; i < count; i++) await stage.task(i, more);
}

describe('three failed calls in a row', () => {
  test('eject for eject_time, doubled after each failed trial; one good trial ends it', async () => {
    await stage.start({ eject_time: '100ms', eject_time_max: '350ms' });
    const worker = await stage.httpWorker(closes);
    await wellOnes();
    while (worker.seen.length < 3) await tasks(1);
    expect(await isActive(2)).toBe(true);
    // While it pauses it is given nothing, then one trial each time.
    await until('some trials', async () => {
      await tasks(1);
      return verdicts(worker).length === 4;
    });
    expect(verdicts(worker)).toEqual([100, 200, 350, 350]);
    expect(worker.seen).toHaveLength(6);
    worker.answering = answerJson('"back"');
    await until('its return', async () => {
      await tasks(1);
      return isActive(3);
    });
    expect(verdicts(worker)).toEqual([100, 200, 350, 350, 'worker_healthy']);
    expect(worker.seen.length).toBeLessThanOrEqual(8);
  });

  test('that are not in a row do not', async () => {
    await stage.start({ retry_count: 1 });
    let count = 0;
    const worker = await stage.httpWorker((seen) =>
      (count += 1) % 3 === 0 ? answerJson('1')(seen) : closes(seen),
    );
    await wellOnes();
    while (count < 9) await tasks(1);
    expect(verdicts(worker)).toEqual([]);
  });
});

test('a 5xx, and a caller’s own short timeout, never eject', async () => {
  await stage.start();
  const failing = await stage.httpWorker(answerJson('{}', 500));
  const slow = await stage.httpWorker(() => {});
  await wellOnes();
  while (failing.seen.length < 4 || slow.seen.length < 4) await tasks(1, { timeout_ms: 100 });
  expect(await isActive(4)).toBe(true);
  expect([...verdicts(failing), ...verdicts(slow)]).toEqual([]);
});

test('nor does a caller that hangs up', async () => {
  await stage.start();
  const worker = await stage.httpWorker(() => {});
  await wellOnes();
  for (let i = 1; i <= 5; i++) {
    while (worker.seen.length < i) {
      const caller = stage.begin();
      await until('somebody to have it', () => worker.seen.length === i || caller.isWhole);
      caller.destroy();
    }
  }
  await stage.quiet();
  expect(verdicts(worker)).toEqual([]);
});

test('silence of silent_after or longer is a failed call', async () => {
  await stage.start({ silent_after: '150ms', eject_failures: 2 });
  const worker = await stage.httpWorker(() => {});
  await wellOnes();
  while (worker.seen.length < 2) await tasks(1, { timeout_ms: 200 });
  await until('its ejection', () => verdicts(worker).length === 1);
});

test('where more than half would be ejected, ejection is suspended', async () => {
  await stage.start({ eject_failures: 1, eject_time: '60s', retry_count: 0 });
  const workers = [];
  for (let i = 0; i < 3; i++) workers.push(await stage.httpWorker(closes));
  await tasks(3);
  expect(await isActive(0)).toBe(true);
  for (const worker of workers) worker.answering = answerJson('"well"');
  expect((await stage.task()).text).toBe('"well"');
});

describe('health checks', () => {
  const checks = {
    health_check: { enabled: true, timeout: '400ms' },
    ws: { connection_check_interval: '60ms' },
  };

  /** Answers tasks, and `/health` with this. */
  const healthy = (status: () => number | undefined): Answering => {
    return (seen) => {
      if (seen.head.startsWith('POST /work ')) return answerJson('"work"')(seen);
      const is = status();
      return is === undefined || answerJson('{}', is)(seen);
    };
  };

  test('of GET /health: two failures eject, two successes bring back', async () => {
    await stage.start(checks);
    await stage.httpWorker(healthy(() => 204));
    await stage.httpWorker(healthy(() => 200));
    // Refused by a status, by a redirect, by silence.
    for (const bad of [503, 302, undefined]) {
      let status: number | undefined = 200;
      const worker = await stage.httpWorker(healthy(() => status));
      await worker.request();
      expect(worker.seen[0]!.head).toStartWith('GET /health HTTP/1.1\r\n');
      expect(await isActive(3)).toBe(true);
      status = bad;
      await until('its ejection', () => isActive(2));
      const { length } = worker.seen;
      for (let i = 0; i < 6; i++) await tasks(1);
      expect(worker.seen.slice(length).filter(({ head }) => head.startsWith('POST'))).toEqual([]);
      status = 200;
      await until('its return', () => isActive(3));
      expect(verdicts(worker)).toEqual(['failing', 'worker_healthy']);
      status = undefined;
      worker.close();
      await stage.register(worker.port, { node_id: worker.nodeId, region: 'out of the way' });
    }
  });

  test('are not made unless they are switched on, nor of WebSocket workers', async () => {
    await stage.start({ ws: { connection_check_interval: '20ms' } });
    const worker = await stage.httpWorker(answerJson('1'));
    await stage.socketWorker();
    // Three tasks with time enough between them for many checks.
    for (let i = 0; i < 4; i++) await stage.task(i, { timeout_ms: 100 });
    expect(worker.seen.every(({ head }) => head.startsWith('POST'))).toBe(true);
    expect(worker.seen.length).toBeGreaterThan(0);
    expect(await isActive(2)).toBe(true);
  });
});
