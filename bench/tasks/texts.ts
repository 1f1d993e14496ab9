/** The task and its result, equally long for every number of six digits. */

export const six = (number: number) => String(number).padStart(6, '0');

const message = 'Hello from a caller, and a good evening to everybody on the server!';

/** Where a task's number stands in whatever ends with the payload and its object's `}`. */
const fromEnd = '000123"}}'.length;

/** The payload comes last: so its number stands at the same distance from the end at every worker. */
export function requestBody(region: string, number: string, timeoutMs?: number): string {
  return JSON.stringify({
    region,
    timeout_ms: timeoutMs,
    payload: { action: 'process_data', data: { message }, number },
  });
}

/** The number of the task in a body that a worker gets: `{"payload":…}`, or all of the above. */
export function numberIn(body: string): string {
  return body.slice(-fromEnd, 6 - fromEnd);
}

/** What a worker answers. */
export function resultText(number: string): string {
  return `{"status":"completed","result":{"message":"${message}","number":"${number}"}}`;
}
