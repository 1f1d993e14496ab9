import { closeSync, constants, openSync, writeSync } from 'node:fs';

const retryMs = 250;
const waitingMax = 1_000;

export interface Commands {
  write: (command: string) => void;
  /** Tries once more what still waits, then lets go of the file. Returns how many were left over. */
  close: () => number;
}

/**
 * Appends commands to a file, or writes them to a FIFO. A FIFO that nobody reads, or whose reader
 * is slow, blocks nothing: up to 1,000 commands wait (then the oldest go), and are tried again
 * every 250 ms, in order. A command is at most PIPE_BUF bytes, so a FIFO takes it whole or not.
 */
export function openCommands(path: string, say: (text: string) => void): Commands {
  // Without O_NONBLOCK, opening a FIFO waits for its reader.
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = constants;
  const waiting: Buffer[] = [];
  let file: number | undefined;
  let told = '';
  let dropped = 0;
  const timer = setInterval(flush, retryMs);

  function flush(): void {
    if (waiting.length === 0) return;
    try {
      file ??= openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o600);
      while (waiting.length > 0) {
        const written = writeSync(file, waiting[0]!);
        // On a disk that fills up, part of a command can be written: its rest must come next.
        if (written === waiting[0]!.length) waiting.shift();
        else waiting[0] = waiting[0]!.subarray(written);
      }
      if (dropped > 0) say(`commands dropped while nothing read ${path}: ${dropped}`);
      told = '';
      dropped = 0;
    } catch (error) {
      onTrouble((error as NodeJS.ErrnoException).code ?? String(error));
    }
  }

  /** EAGAIN: the reader is slow. ENXIO: nobody has the FIFO open. EPIPE: the reader went. */
  function onTrouble(code: string): void {
    if (code !== 'EAGAIN') letGo();
    if (code === told) return;
    told = code;
    const nobody = code === 'ENXIO' || code === 'EPIPE';
    if (nobody) say(`nothing reads ${path}; commands wait`);
    else if (code !== 'EAGAIN') say(`cannot write to ${path} (${code}); commands wait`);
  }

  function letGo(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
  }

  return {
    write(command) {
      waiting.push(Buffer.from(command));
      flush();
      if (waiting.length > waitingMax) {
        waiting.splice(1, 1); // the first may be half written
        dropped++;
      }
    },
    close() {
      clearInterval(timer);
      flush();
      letGo();
      return waiting.length;
    },
  };
}
