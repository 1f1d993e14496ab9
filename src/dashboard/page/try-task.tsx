import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { askRegions } from './api.ts';
import { msText, pluralText } from './text.ts';

interface Answer {
  status: number;
  headers: [string, string][];
  body: string;
  ms: number;
}

/** Shown of a body, in characters. */
const bodyMax = 20_000;

/** Sends a task as any caller would. */
export function TryTask() {
  const [region, setRegion] = useState('global');
  const [payload, setPayload] = useState('{ "action": "ping" }');
  const [timeoutMs, setTimeoutMs] = useState('15000');
  const [mayRetry, setMayRetry] = useState(true);
  const [key, setKey] = useState('');
  const [isUnderWay, setIsUnderWay] = useState(false);
  const [answer, setAnswer] = useState<Answer | string | undefined>();
  const [regions, setRegions] = useState<string[]>([]);
  useEffect(() => {
    askRegions().then(
      (all) => setRegions([...new Set(Object.entries(all).flat())].sort()),
      () => setRegions([]),
    );
  }, []);

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    if (isUnderWay) return;
    let value: unknown;
    try {
      value = JSON.parse(payload);
    } catch (error) {
      return setAnswer(`The payload is not JSON: ${(error as Error).message}`);
    }
    setIsUnderWay(true);
    const beginMs = performance.now();
    try {
      const task = {
        region,
        payload: value,
        timeout_ms: Number(timeoutMs),
        ...(!mayRetry && { retry: false }),
      };
      const response = await fetch('/task/request', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...(key !== '' && { 'X-API-Key': key }) },
        body: JSON.stringify(task),
      });
      const body = await response.text();
      const ms = performance.now() - beginMs;
      setAnswer({ status: response.status, headers: [...response.headers], body, ms });
    } catch (error) {
      setAnswer(`No answer, or only a part of one: ${(error as Error).message}`);
    } finally {
      setIsUnderWay(false);
    }
  }

  return (
    <>
      <h2>Try a task</h2>
      <div class="halves">
        <form class="panel" onSubmit={(event) => void send(event)}>
          <Field name="Region">
            <input
              required
              list="regions"
              value={region}
              onInput={(e) => setRegion(e.currentTarget.value)}
            />
          </Field>
          <datalist id="regions">
            {regions.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <Field name="Payload (JSON)">
            <textarea
              required
              rows={7}
              spellcheck={false}
              value={payload}
              onInput={(e) => setPayload(e.currentTarget.value)}
            />
          </Field>
          <Field name="Wait for an answer, in ms">
            <input
              type="number"
              required
              min={100}
              max={600_000}
              value={timeoutMs}
              onInput={(e) => setTimeoutMs(e.currentTarget.value)}
            />
          </Field>
          <label class="check">
            <input
              type="checkbox"
              checked={mayRetry}
              onChange={(e) => setMayRetry(e.currentTarget.checked)}
            />{' '}
            Another worker may try if one fails
          </label>
          <Field name="Key of a caller, if the server wants one">
            <input
              type="password"
              autocomplete="off"
              value={key}
              onInput={(e) => setKey(e.currentTarget.value)}
            />
          </Field>
          {/* Stays enabled, for a button that is not loses the focus. */}
          <button class="main steady" aria-disabled={isUnderWay}>
            {isUnderWay ? 'Under way…' : 'Send'}
          </button>
        </form>
        <section class="panel answer">
          <h3>Answer</h3>
          <AnswerView answer={answer} isUnderWay={isUnderWay} />
        </section>
      </div>
    </>
  );
}

function Field({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <label>
      {name}
      {children}
    </label>
  );
}

function AnswerView(props: { answer: Answer | string | undefined; isUnderWay: boolean }) {
  const { answer, isUnderWay } = props;
  if (answer === undefined || typeof answer === 'string')
    return (
      <p role="status" class={answer === undefined ? 'empty' : 'trouble'}>
        {isUnderWay ? 'Under way…' : (answer ?? 'None yet.')}
      </p>
    );
  const { status, headers, body, ms } = answer;
  const header = (name: string) => headers.find(([one]) => one === name)?.[1];
  const worker = header('x-worker-id');
  const tries = Number(header('x-task-attempts') ?? 0);
  return (
    <>
      <p role="status" class="unseen">
        Status {status}, from {worker ?? 'the server itself'}, after{' '}
        {pluralText(tries, 'try', 'tries')}
      </p>
      <dl class="facts">
        <dt>Status</dt>
        <dd class={status < 400 ? 'good' : 'bad'}>{status}</dd>
        <dt>Worker</dt>
        <dd>{worker ?? 'none: the server answered itself'}</dd>
        <dt>Tries</dt>
        <dd>{tries}</dd>
        <dt>Took</dt>
        <dd>{msText(ms)}</dd>
      </dl>
      <h4>Headers</h4>
      <pre tabIndex={0} role="region" aria-label="Headers">
        {headers.map(([name, value]) => `${name}: ${value}`).join('\n')}
      </pre>
      <h4>Body</h4>
      <pre tabIndex={0} role="region" aria-label="Body">
        {shortened(isJson(header('content-type')) ? spaced(body) : body)}
      </pre>
    </>
  );
}

const isJson = (type: string | undefined) => /^application\/(?:[\w.-]+\+)?json\b/.test(type ?? '');

/** JSON with a line for each member; as it is if it is none. */
function spaced(body: string): string {
  if (body.length > bodyMax) return body;
  try {
    // A number that JavaScript cannot hold would be shown as another one.
    return /\d{16}/.test(body) ? body : JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function shortened(text: string): string {
  if (text.length <= bodyMax) return text;
  return `${text.slice(0, bodyMax)}\n… and ${pluralText(text.length - bodyMax, 'character')} more`;
}
