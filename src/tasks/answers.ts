import type { Refusal } from '../refusal.ts';
import type { Outcome } from './dispatcher.ts';
import type { WorkerAnswer } from './messages.ts';

/** What a worker answers is a stranger's content on our origin: no page may come of it. */
const harmless = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': 'sandbox',
};

/** Filled anew for each answer: a response copies it, which costs less than reading an object. */
const common = new Headers(harmless);

/** What the caller of a task gets. */
export function taskResponse(outcome: Outcome): Response {
  const { taskId, attempts } = outcome;
  if ('refusal' in outcome)
    return refusedTask(outcome.refusal, taskId, outcome.detail, {
      'X-Task-Attempts': `${attempts}`,
    });
  const { status, contentType, headers: passed, body } = outcome.answer;
  common.set('X-Task-Id', taskId);
  common.set('X-Worker-Id', headerText(outcome.worker.nodeId));
  common.set('X-Task-Attempts', `${attempts}`);
  if (contentType === undefined) common.delete('Content-Type');
  else common.set('Content-Type', contentType);
  const headers = passed.length > 0 ? new Headers(common) : common;
  for (const [name, value] of passed) headers.set(name, value);
  return new Response(contentType === undefined ? untyped(body) : body, { status, headers });
}

export function refusedTask(
  refusal: Refusal,
  taskId: string,
  detail?: string,
  more: Record<string, string> = {},
): Response {
  const headers = { ...harmless, 'X-Task-Id': taskId, ...more, ...retryAfter(refusal) };
  const body = { error: refusal.message, task_id: taskId, detail };
  return Response.json(body, { status: refusal.code, headers });
}

/** A "no" to a worker. */
export function refusedWorker(refusal: Refusal, detail?: string): Response {
  const body = { error: refusal.message, detail };
  return Response.json(body, { status: refusal.code, headers: retryAfter(refusal) });
}

function retryAfter({ code }: Refusal): Record<string, string> {
  return code === 503 ? { 'Retry-After': '5' } : {};
}

/** A stream of our own: to bytes without a type, and to those of a Blob, Bun gives one. */
function untyped(body: WorkerAnswer['body']) {
  if (!(body instanceof Uint8Array)) return body;
  return new ReadableStream<Uint8Array>({
    start(caller) {
      caller.enqueue(body);
      caller.close();
    },
  });
}

/** Percent-encoded where a header could not hold it. */
function headerText(id: string): string {
  return /^[!-$&-~]+$/.test(id) ? id : encodeURIComponent(id.toWellFormed());
}
