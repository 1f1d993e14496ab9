import { afterAll, beforeAll, expect, test } from 'bun:test';
import { requestBytes } from '../support/http.ts';
import { until } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';
import { Stage } from '../support/tasks.ts';

const stage = new Stage();
beforeAll(() => stage.start({ bodies_mb: 2, task_body_mb: 1 }));
afterAll(() => stage.stop());

test('bodies that are arriving take no more than bodies_mb together, and give back their room', async () => {
  const body = JSON.stringify({ payload: 'x'.repeat(1_000_000) });
  const headers = { 'Content-Type': 'application/json' };
  const bytes = requestBytes(stage.port, { method: 'POST', path: '/task/request', headers, body });
  const senders: RawClient[] = [];
  for (let n = 0; n < 2; n++) {
    const sender = await RawClient.connect(stage.port);
    sender.write(bytes.subarray(0, -1));
    senders.push(sender);
  }
  const refused = await until('a refusal', async () => {
    const answer = await stage.taskText(body);
    const isRefused = answer.json.error === 'Too many tasks are arriving (bodies_mb).';
    return isRefused ? answer : undefined;
  });
  expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
  for (const sender of senders) sender.destroy();
  await until('room', async () => {
    const { json } = await stage.taskText(body);
    return json.error === 'No healthy worker with room.';
  });
});
