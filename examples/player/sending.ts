import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { backOff } from '../link.ts';
import { labelOf } from './file-names.ts';
import { encodeBytes, type Frame } from './frames.ts';
import type { Requests } from './requests.ts';
import type { Screen } from './screen.ts';

export interface SendingOptions {
  requests: Pick<Requests, 'ask'>;
  screen: Pick<Screen, 'print' | 'progress' | 'over'>;
  backOffMs: number;
  /** We are leaving. */
  signal: AbortSignal;
}

/** The file that is under way. */
interface Upload {
  transferId: string;
  label: string;
  fileSize: number;
  /** Bytes that the server has, as it said last. */
  told: number;
  failure: Frame | undefined;
  wake: () => void;
}

/** With the 16 bytes of the id, 256 KiB: the largest frame. */
const pieceBytes = 256 * 1024 - 16;
/** What may be sent beyond what the server said that it has. */
const creditBytes = 4 * 1024 * 1024;
const triesMax = 6;
const lost: Frame = { type: 'lost' };
/** Something is in the way that may be gone a moment later. */
const passing: unknown[] = [409, 429, 503];

/** Sends files, one after the other. What a broken connection leaves is sent on the next one. */
export function createSending({ requests, screen, backOffMs, signal }: SendingOptions) {
  let sendBytes: ((frame: Uint8Array) => void) | undefined;
  let upload: Upload | undefined;
  let line: Promise<unknown> = Promise.resolve();

  async function sendFile(targetUserId: string, path: string): Promise<Frame> {
    if (signal.aborted) return lost;
    // Looked at before it is opened: opening a pipe waits for somebody who writes.
    if (!(await stat(path)).isFile()) return { type: 'error', message: 'not a file' };
    await using file = await open(path);
    const { size: fileSize } = await file.stat();
    const transferId = randomUUID().replaceAll('-', '');
    const fileName = basename(path);
    const label = `to ${labelOf(targetUserId)}: ${labelOf(fileName)}`;
    const sha256 = await digest(file, fileSize);
    const begin = { type: 'file_send_begin', targetUserId, fileName, fileSize, sha256, transferId };
    upload = { transferId, label, fileSize, told: 0, failure: undefined, wake() {} };
    try {
      for (let tries = 1; ;) {
        const answer = await transfer(file, begin, upload);
        const isPassing = answer.type === 'file_failed' && passing.includes(answer.code);
        if (signal.aborted || !(isPassing || answer.type === 'lost')) return answer;
        if (!isPassing) continue; // the next `begin` waits for a connection
        if (tries === triesMax) return answer;
        await sleep(backOff(tries++, backOffMs), undefined, { signal }).catch(() => {});
      }
    } finally {
      screen.over(transferId);
      upload = undefined;
    }
  }

  /** On one connection, from wherever an earlier one ended. */
  async function transfer(file: FileHandle, begin: object, upload: Upload): Promise<Frame> {
    const { transferId, fileSize } = upload;
    const answersOf = (type: string) => (frame: Frame) =>
      [type, 'file_failed'].includes(frame.type) && frame.transferId === transferId;
    upload.failure = undefined;
    const ready = await requests.ask(begin, answersOf('file_receive_ready'));
    if (ready.type !== 'file_receive_ready') return ready;
    const send = sendBytes;
    upload.told = Number(ready.offset);
    if (upload.told > 0) screen.print(`${upload.label}: goes on after ${upload.told} bytes`);
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (let at = upload.told; at < fileSize;) {
      if (upload.failure !== undefined) return upload.failure;
      if (send === undefined || send !== sendBytes) return lost;
      const bytes = Math.min(pieceBytes, fileSize - at);
      if (at + bytes - upload.told > creditBytes) {
        await new Promise<void>((resolve) => (upload.wake = resolve));
        continue;
      }
      const { bytesRead } = await file.read(buffer, 0, bytes, at);
      if (bytesRead === 0) break; // it became shorter: the server refuses it
      if (send !== sendBytes) return lost;
      send(encodeBytes(transferId, buffer.subarray(0, bytesRead)));
      at += bytesRead;
    }
    if (send === undefined || send !== sendBytes) return lost;
    const complete = { type: 'file_send_complete', transferId };
    return requests.ask(complete, answersOf('file_sent'), 'this connection');
  }

  return {
    /** Resolves with `file_sent`, or why not. Rejects when the file cannot be read. */
    send(targetUserId: string, path: string): Promise<Frame> {
      const sent = line.then(() => sendFile(targetUserId, path));
      line = sent.catch(() => {});
      return sent;
    },

    onFrame({ type, transferId, ...frame }: Frame): void {
      if (upload === undefined || transferId !== upload.transferId) return;
      if (type === 'file_failed') upload.failure = { type, ...frame };
      if (type === 'file_progress') {
        upload.told = Number(frame.received);
        screen.progress(transferId, upload.label, upload.told, upload.fileSize);
      }
      upload.wake();
    },

    connected(send: (frame: Uint8Array) => void): void {
      sendBytes = send;
    },

    disconnected(): void {
      sendBytes = undefined;
      upload?.wake();
    },
  };
}

async function digest(file: FileHandle, fileSize: number): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (let at = 0; at < fileSize;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(pieceBytes, fileSize - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest('hex');
}
