export interface ScreenOptions {
  /** Whether standard output is one, and how wide. */
  isTerminal: boolean;
  columns: () => number;
  out: (text: string) => void;
  err: (text: string) => void;
}

interface Bar {
  label: string;
  /** Of the file, 0 to 100. */
  percent: number;
}

export type Screen = ReturnType<typeof createScreen>;

const barChars = 20;

/** Lines, and below them on a terminal what is under way; elsewhere a line for every 10 % of it. */
export function createScreen({ isTerminal, columns, out, err }: ScreenOptions) {
  const bars = new Map<string, Bar>();
  let isDrawn = false;

  /** The bars make way for `write`, and come back below it. */
  function above(write: () => void): void {
    if (isDrawn) out('\r\x1b[K');
    write();
    isDrawn = isTerminal && bars.size > 0;
    // A longer line would wrap, and could not be taken back.
    if (isDrawn)
      out(
        [...bars.values()]
          .map(drawn)
          .join('  ')
          .slice(0, columns() - 1),
      );
  }
  const print = (line: string) => above(() => out(`${line}\n`));

  return {
    print,
    /** A sentence about the connection, or a fault. */
    say: (text: string) => above(() => err(`player: ${text}\n`)),

    /** So much of the file `key` is done. Both in bytes. */
    progress(key: string, label: string, done: number, total: number): void {
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
      const before = bars.get(key)?.percent ?? 0;
      if (bars.has(key) && before === percent) return;
      bars.set(key, { label, percent });
      const tens = Math.floor(percent / 10) * 10;
      if (isTerminal) above(() => {});
      else if (tens > Math.floor(before / 10) * 10) print(`${label}: ${tens} %`);
    },

    /** It is no longer under way. */
    over(key: string): void {
      bars.delete(key);
      above(() => {});
    },
  };
}

function drawn({ label, percent }: Bar): string {
  const full = Math.round((percent / 100) * barChars);
  return `${label} [${'#'.repeat(full)}${'-'.repeat(barChars - full)}] ${percent} %`;
}
