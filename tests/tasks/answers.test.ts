import { expect, test } from 'bun:test';
import { taskResponse } from '../../src/tasks/answers.ts';
import type { WorkerAnswer } from '../../src/tasks/messages.ts';

function response(taskId: string, nodeId: string, more: Partial<WorkerAnswer> = {}): Response {
  const answer = { status: 200, contentType: 'text/plain', headers: [], body: taskId, ...more };
  return taskResponse({ taskId, attempts: 1, worker: { nodeId } as never, answer });
}

test('each answer has the headers of its own task and worker, and none of those before it', async () => {
  const answers = [
    response('t1', 'a'),
    response('t2', 'b', { contentType: 'image/png', headers: [['x-mine', 'yes']] }),
    response('t3', 'ä', { contentType: undefined }),
    response('t4', 'd', { headers: [['retry-after', '1']], status: 503 }),
    response('t5', 'e'),
  ];
  const always = {
    'x-content-type-options': 'nosniff',
    'content-security-policy': 'sandbox',
    'x-task-attempts': '1',
  };
  const typed = { ...always, 'content-type': 'text/plain' };
  expect(answers.map(({ headers }) => Object.fromEntries(headers))).toEqual([
    { ...typed, 'x-task-id': 't1', 'x-worker-id': 'a' },
    {
      ...always,
      'content-type': 'image/png',
      'x-task-id': 't2',
      'x-worker-id': 'b',
      'x-mine': 'yes',
    },
    { ...always, 'x-task-id': 't3', 'x-worker-id': '%C3%A4' },
    { ...typed, 'x-task-id': 't4', 'x-worker-id': 'd', 'retry-after': '1' },
    { ...typed, 'x-task-id': 't5', 'x-worker-id': 'e' },
  ]);
  expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual([
    't1',
    't2',
    't3',
    't4',
    't5',
  ]);
});
