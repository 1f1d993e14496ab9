/** What must not leave a server, and how the server's process is told. */
export interface Watched {
  /** Each with the name under which a report has it. */
  secrets: readonly (readonly [name: string, value: string])[];
  /** File that gets one line for each leak. */
  report: string;
}

/** Environment variable with a `Watched` as JSON. */
export const watchedVariable = 'LEAK_SCAN';

const tokenLength = 43;
/** A session token with at most some letters too many around it, such as the `n` of a `\n`. */
const tokenLike = /(?<![\w-])[\w-]{43,64}(?![\w-])/g;
/** Bytes that are read as text at a time. */
const windowBytes = 16 * 1024;
const issued = /"token":"([\w-]{43})"/g;

/**
 * Short keys and such as `aaaaaaaaaaaa` are not looked for: they stand in what clients say to each
 * other, and `gateway`, the example, in any sentence about one.
 */
export function isDistinctive(value: string): boolean {
  return value.length >= 12 && new Set(value).size >= 5;
}

/** Looks for secrets in what leaves. Keeps nothing of it but the end of a stream's last piece. */
export class Scanner {
  /** Every spelling of every secret: as text and as bytes, with its name. */
  private readonly spellings = new Map<string, { bytes: Buffer; name: string }>();
  private readonly tokens = new Set<string>();
  private longest = tokenLength;

  constructor(private readonly report: (what: string, where: string) => void) {}

  /** From now on this must not leave. */
  learn(name: string, value: string): void {
    if (!isDistinctive(value) || this.spellings.has(value)) return;
    const spellings = [
      value,
      JSON.stringify(value).slice(1, -1),
      encodeURIComponent(value.toWellFormed()),
    ];
    for (const one of spellings) {
      const bytes = Buffer.from(one);
      this.spellings.set(one, { bytes, name });
      this.longest = Math.max(this.longest, bytes.length);
    }
  }

  learnToken(token: string): void {
    if (token.length === tokenLength) this.tokens.add(token);
  }

  /** An answer of who issues session tokens: it may hold one, in its place. */
  lookBehindIssue(text: string, where: string): void {
    const rest = text.replace(issued, (_, token: string) => {
      this.learnToken(token);
      return '';
    });
    this.look(rest, where);
  }

  look(text: string, where: string): void {
    for (const [spelling, { name }] of this.spellings)
      if (text.includes(spelling)) this.report(name, where);
    this.lookForTokens(text, where);
  }

  /** Without a copy of them: what is large may be there only once. */
  lookAtBytes(bytes: ArrayBuffer | ArrayBufferView, where: string): void {
    const buffer = bufferOf(bytes);
    this.lookAtContent(buffer, where);
    if (this.tokens.size === 0) return;
    for (let from = 0; from < buffer.length; from += windowBytes) {
      const end = from + windowBytes + 2 * tokenLength;
      this.lookForTokens(buffer.toString('latin1', from, end), where);
    }
  }

  /** Not for tokens, which takes longer than to send them. */
  lookAtContent(bytes: ArrayBuffer | ArrayBufferView, where: string): void {
    const buffer = bufferOf(bytes);
    for (const { bytes: spelling, name } of this.spellings.values())
      if (buffer.includes(spelling)) this.report(name, where);
  }

  /** For something that leaves in pieces: a secret may begin in one and end in the next. */
  pieces(where: string): (piece: string | ArrayBuffer | ArrayBufferView) => void {
    let end: Buffer = Buffer.alloc(0);
    return (piece) => {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : bufferOf(piece);
      this.lookAtBytes(bytes, where);
      const { longest } = this;
      const seam = Buffer.concat([end, bytes.subarray(0, longest)]);
      if (end.length > 0) this.lookAtBytes(seam, where);
      end = Buffer.from(
        bytes.length < longest ? seam.subarray(-longest) : bytes.subarray(-longest),
      );
    };
  }

  private lookForTokens(text: string, where: string): void {
    if (this.tokens.size === 0 || text.length < tokenLength) return;
    for (const [run] of text.matchAll(tokenLike))
      for (let at = 0; at <= run.length - tokenLength; at++)
        if (this.tokens.has(run.slice(at, at + tokenLength))) this.report('session token', where);
  }
}

function bufferOf(bytes: ArrayBuffer | ArrayBufferView): Buffer {
  return ArrayBuffer.isView(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : Buffer.from(bytes);
}
