/**
 * The parser of HTTP/1.1 that Bun's own `node:http` is built on (llhttp), by the name under which
 * Node has it. It is strict: conflicting lengths, bare line ends and the like are errors.
 */
export interface HttpParser {
  initialize(type: number, resource: object, headBytesMax: number): void;
  /** The number of bytes taken, or what is wrong with them. */
  execute(bytes: Uint8Array): number | Error;
  /** The connection ended: an error where the message had to go on. */
  finish(): Error | undefined;
  /** What it found, by the numbers of `found`. */
  [callback: number]: ((...args: never[]) => number | void) | undefined;
}

interface Binding {
  HTTPParser: { new (): HttpParser; readonly RESPONSE: number };
}

const { HTTPParser } = (process as unknown as { binding(name: string): Binding }).binding(
  'http_parser',
);

/** Callbacks, as llhttp's Node binding numbers them. */
export const found = { begin: 0, moreHeaders: 1, head: 2, body: 3, end: 4 } as const;

/** Largest head of an answer, in bytes. */
export const headBytesMax = 64 * 1024;

export function responseParser(): HttpParser {
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.RESPONSE, {}, headBytesMax);
  return parser;
}
