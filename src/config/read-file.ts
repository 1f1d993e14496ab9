import { isUtf8 } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { SyntaxProblem } from './tree.ts';

const bytesMax = 1024 * 1024;

/**
 * The text of a small UTF-8 file, without its byte order mark; undefined if there is no such file.
 * Anything else (a folder, a pipe, no permission, 1 MB, other bytes) throws `SyntaxProblem`.
 */
export function readSmallFile(path: string): string | undefined {
  let file: number | undefined;
  try {
    // Not waiting: opening a pipe that nobody writes to would never return.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new SyntaxProblem('is not a file');
    if (stat.size > bytesMax) throw new SyntaxProblem('is larger than 1 MB');
    return utf8(readFileSync(file));
  } catch (error) {
    if (error instanceof SyntaxProblem) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new SyntaxProblem(`cannot be read (${code ?? error})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function utf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  let line = 1;
  for (let from = 0; ; line++) {
    const end = bytes.indexOf('\n', from);
    if (end < 0 || !isUtf8(bytes.subarray(from, end))) break;
    from = end + 1;
  }
  throw new SyntaxProblem('is not UTF-8', line);
}
