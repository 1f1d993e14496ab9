import type { SeededRandom } from './random.ts';
import { sha256Of } from './transfers-disk.ts';

/** A file that somebody sends, honestly or not. */
export interface Spec {
  n: number;
  senderId: string;
  targetId: string;
  content: Uint8Array;
  saysSize: number;
  saysSha256: string | undefined;
  transferId: string;
  kind: 'honest' | 'greedy' | 'early' | 'wrongHash' | 'corrupt' | 'short' | 'long';
}

/** An upload of one connection, as the core should see it. */
export interface Upload {
  spec: Spec;
  state: 'asked' | 'ready' | 'ending';
  /** What `newId` gave when it began. */
  minted: string;
  accepted: number;
  told: number;
  /** It was stored already: only the end is to be told again. */
  isStored: boolean;
}

/** What one connection is being given. */
interface Given {
  id: string;
  content: Uint8Array[];
  isWhole: boolean;
}

export interface Line {
  readonly userId: string;
  readonly protocol: 1 | 2;
  readonly uploads: Map<string, Upload>;
  given: Given | undefined;
  /** The commit of the last file that was begun on it. */
  lastCommit: number;
  /** What it has not read: bytes, and binary frames. */
  buffered: number;
  framesWaiting: number;
}

export function newLine(userId: string, protocol: 1 | 2): Line {
  return {
    userId,
    protocol,
    uploads: new Map(),
    given: undefined,
    lastCommit: -1,
    buffered: 0,
    framesWaiting: 0,
  };
}

/** A new file of `size` bytes, and what its sender says of it. */
export function newSpec(
  random: SeededRandom,
  n: number,
  who: { senderId: string; targetId: string },
  size: number,
  kind: Spec['kind'],
): Spec {
  const content = randomBytes(random, size);
  const isSaid = random.chance(0.5) || kind === 'corrupt' || kind === 'early';
  const right = isSaid ? sha256Of(content) : undefined;
  return {
    n,
    ...who,
    content,
    saysSize: size,
    saysSha256: kind === 'wrongHash' ? '0'.repeat(64) : right,
    transferId: hexOf(randomBytes(random, 16)),
    kind,
  };
}

export function isLie({ kind }: Spec): boolean {
  return kind === 'wrongHash' || kind === 'corrupt' || kind === 'short' || kind === 'long';
}

export function randomBytes(random: SeededRandom, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.whole(0, 255));
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
