/**
 * Looks into the text of JSON that `JSON.parse` has accepted, for what must leave as it came:
 * parsing and writing again would change numbers beyond 2^53.
 */

export interface Look {
  /** Deepest nesting of objects and lists; 0 for a text without any. */
  depth: number;
  /**
   * The text of the value at the path, as it stands there. Of a name that occurs twice the last one
   * counts, as for `JSON.parse`. Undefined where there is no such member.
   */
  member: string | undefined;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;

const isOpening = (code: number) => code === 0x7b || code === 0x5b;
const isClosing = (code: number) => code === 0x7d || code === 0x5d;
const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** `path` leads member by member to the value that is asked for; empty: only the depth is. */
export function lookInto(text: string, path: readonly string[]): Look {
  let depth = 0;
  let deepest = 0;
  /** So many names of the path lead to here. */
  let led = 0;
  let start = -1;
  let end = -1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const behind = endOfString(text, at);
      const next = depth <= path.length && led >= depth - 1 ? afterSpace(text, behind) : -1;
      if (text.charCodeAt(next) === colon) {
        const isOnPath = isName(text.slice(at, behind), path[depth - 1]!);
        led = isOnPath ? depth : depth - 1;
        if (isOnPath) {
          start = depth === path.length ? afterSpace(text, next + 1) : -1;
          end = -1;
        }
      }
      at = behind - 1;
    } else if (isOpening(code)) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === comma || isClosing(code)) {
      if (depth === path.length && start >= 0 && end < 0) end = beforeSpace(text, at);
      if (code !== comma) depth -= 1;
    }
  }
  return { depth: deepest, member: start < 0 ? undefined : text.slice(start, end) };
}

/** Deepest nesting of objects and lists; 0 for a text without any. */
export function jsonDepth(text: string): number {
  return lookInto(text, []).depth;
}

/** The text of the value at `path`, member by member; undefined where there is none. */
export function jsonMember(text: string, ...path: readonly string[]): string | undefined {
  return lookInto(text, path).member;
}

function isName(key: string, name: string): boolean {
  if (key.length === name.length + 2 && key.startsWith(name, 1)) return true;
  return key.includes('\\') && JSON.parse(key) === name;
}

function afterSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function beforeSpace(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at - 1))) at -= 1;
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
