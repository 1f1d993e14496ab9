/**
 * Looks into the text of JSON that `JSON.parse` has accepted, for what must leave as it came:
 * parsing and writing again would change numbers beyond 2^53.
 */

const quote = 0x22;
const backslash = 0x5c;

const isOpening = (code: number) => code === 0x7b || code === 0x5b;
const isClosing = (code: number) => code === 0x7d || code === 0x5d;
const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** Deepest nesting of objects and lists; 0 for a text without any. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at) - 1;
    else if (isOpening(code)) deepest = Math.max(deepest, (depth += 1));
    else if (isClosing(code)) depth -= 1;
  }
  return deepest;
}

/**
 * The text of the value at `path`, member by member, as it stands there. Of a name that occurs
 * twice the last one counts, as for `JSON.parse`. Undefined where there is no such member.
 */
export function jsonMember(text: string, ...path: readonly string[]): string | undefined {
  let start = afterSpace(text, 0);
  let end = text.length;
  for (const name of path) {
    if (text.charCodeAt(start) !== 0x7b) return undefined;
    let found: [number, number] | undefined;
    for (let at = afterSpace(text, start + 1); text.charCodeAt(at) === quote;) {
      const keyEnd = endOfString(text, at);
      const key = text.slice(at, keyEnd);
      const valueStart = afterSpace(text, afterSpace(text, keyEnd) + 1);
      const valueEnd = endOfValue(text, valueStart);
      if (isName(key, name)) found = [valueStart, valueEnd];
      // Behind the value: a comma and the next name, or the end of the object.
      at = afterSpace(text, afterSpace(text, valueEnd) + 1);
    }
    if (found === undefined) return undefined;
    [start, end] = found;
  }
  return text.slice(start, end);
}

function isName(key: string, name: string): boolean {
  return key.includes('\\') ? JSON.parse(key) === name : key.slice(1, -1) === name;
}

function afterSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** Behind the closing quote of the string whose opening one is at `at`. */
function endOfString(text: string, at: number): number {
  for (let close = at; ;) {
    close = text.indexOf('"', close + 1);
    let slashes = close;
    while (text.charCodeAt(slashes - 1) === backslash) slashes -= 1;
    if ((close - slashes) % 2 === 0) return close + 1;
  }
}

function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === quote) return endOfString(text, at);
  let depth = 0;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at) - 1;
    else if (isOpening(code)) depth += 1;
    else if (isClosing(code)) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === 0x2c || isSpace(code))) return at;
  }
  return at;
}
