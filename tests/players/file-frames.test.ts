import { describe, expect, test } from 'bun:test';
import {
  encodeFailed,
  encodeForwardBegin,
  encodeForwardEnd,
  encodeProgress,
  encodeReady,
  encodeSent,
  fileFrameTypes,
  fileRefusals,
  readFileFrame,
} from '../../src/players/file-frames.ts';
import { Fault } from '../../src/players/messages.ts';

const begin = {
  type: 'file_send_begin',
  targetUserId: 'bob',
  fileName: 'a.txt',
  fileSize: 5,
} as const;
const id = '0123456789abcdefABCDEF0123456789';
const sha256 = 'aB'.repeat(32);

describe('frames of files', () => {
  test('are read, with what they may and need not have', () => {
    for (const frame of [
      begin,
      { ...begin, sha256, transferId: id, fileSize: 0, more: 'is ignored' },
      { ...begin, fileSize: Number.MAX_SAFE_INTEGER, targetUserId: '💬'.repeat(64) },
      { type: 'file_send_complete' },
      { type: 'file_send_complete', transferId: id, fileSize: 5, sha256, fileName: 'a.txt' },
      { type: 'file_received', transferId: id },
    ])
      expect(readFileFrame(frame)).toEqual(frame as never);
    expect(fileFrameTypes).toEqual(['file_send_begin', 'file_send_complete', 'file_received']);
  });

  const size = 'fileSize: a whole number of bytes';
  const hex = 'transferId: 32 hex characters';
  const target = 'targetUserId: 1 to 64 characters, not blank, no control characters';
  test.each<[unknown, string]>([
    [{ ...begin, fileSize: -1 }, size],
    [{ ...begin, fileSize: 1.5 }, size],
    [{ ...begin, fileSize: '5' }, size],
    [{ ...begin, fileSize: null }, size],
    [{ ...begin, fileSize: 2 ** 53 }, size],
    [{ ...begin, fileSize: 1e400 }, size],
    [{ ...begin, fileName: '' }, 'fileName: 1 to 1024 characters'],
    [{ ...begin, fileName: 'a'.repeat(1025) }, 'fileName: 1 to 1024 characters'],
    [{ ...begin, targetUserId: ' ' }, target],
    [{ ...begin, targetUserId: 'a\n' }, target],
    [{ ...begin, targetUserId: '\ud800' }, target],
    [{ ...begin, targetUserId: 'a'.repeat(65) }, target],
    [{ ...begin, transferId: `${id}0` }, hex],
    [{ ...begin, transferId: `../${id.slice(3)}` }, hex],
    [{ ...begin, sha256: id }, 'sha256: 64 hex characters'],
    [{ type: 'file_send_complete', transferId: 5 }, hex],
    [{ type: 'file_send_complete', fileSize: -5 }, size],
    [{ type: 'file_received' }, hex],
    [{ type: 'file_sent' }, 'type: file_send_begin, file_send_complete, file_received'],
    [null, 'type: file_send_begin, file_send_complete, file_received'],
    [[], 'type: file_send_begin, file_send_complete, file_received'],
  ])('are refused when broken (%#)', (frame, detail) => {
    expect(readFileFrame(frame)).toEqual(new Fault(detail));
  });

  test('are written as each protocol knows them', () => {
    const refusal = fileRefusals.tooFewBytes;
    expect([
      encodeReady(1, id, 0),
      encodeSent(1, id, true, sha256),
      encodeSent(1, id, false, sha256),
      encodeFailed(1, id, refusal),
    ]).toEqual([
      'file_receive_ready',
      'FILE_SENT',
      'FILE_SENT_SERVER_ONLY',
      'FILE_FAILED: Fewer bytes than fileSize.',
    ]);
    const file = { id, senderId: 'al', fileName: 'a', fileSize: 5, sha256 };
    const { code, message } = refusal;
    expect(
      [
        encodeReady(2, id, 7),
        encodeProgress(id, 7),
        encodeSent(2, id, false, sha256),
        encodeFailed(2, id, refusal),
        encodeFailed(2, undefined, refusal),
        encodeForwardBegin(file),
        encodeForwardEnd(file),
      ].map((text) => JSON.parse(text)),
    ).toEqual([
      { type: 'file_receive_ready', transferId: id, offset: 7 },
      { type: 'file_progress', transferId: id, received: 7 },
      { type: 'file_sent', transferId: id, delivered: false, sha256 },
      { type: 'file_failed', transferId: id, code, message },
      { type: 'file_failed', code, message },
      {
        type: 'file_send_begin',
        fromUserId: 'al',
        fileName: 'a',
        fileSize: 5,
        sha256,
        transferId: id,
      },
      { type: 'file_send_complete', transferId: id, fileName: 'a', fromUserId: 'al' },
    ]);
  });
});
