/** A text frame of the server. What its fields hold is checked where they are used. */
export interface Frame {
  type: string;
  [field: string]: unknown;
}

/** Undefined: nothing that we know. */
export function readFrame(text: string): Frame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {}
  return typeof (value as Frame | null | undefined)?.type === 'string'
    ? (value as Frame)
    : undefined;
}

/** Of each binary frame, the id of its transfer. */
const idBytes = 16;

/** A binary frame: `transferId` (32 hex characters), then bytes of the file. */
export function encodeBytes(transferId: string, bytes: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(idBytes + bytes.length);
  frame.write(transferId, 'hex');
  frame.set(bytes, idBytes);
  return frame;
}

/** The opposite; undefined when it is too short. */
export function readBytes(frame: Buffer): { transferId: string; bytes: Buffer } | undefined {
  if (frame.length < idBytes) return undefined;
  return { transferId: frame.toString('hex', 0, idBytes), bytes: frame.subarray(idBytes) };
}
