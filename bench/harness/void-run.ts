/** Ends the load process: what it measured counts for nothing. The runner reports `reason`. */
export function voidRun(reason: string): never {
  console.error(`void: ${reason}`);
  process.exit(1);
}

/** `promise`, or a void run when it takes longer than `timeoutMs`. */
export async function inTime<T>(
  promise: Promise<T>,
  timeoutMs: number,
  waitingFor: () => string,
): Promise<T> {
  const timer = setTimeout(() => voidRun(`waited ${timeoutMs} ms for ${waitingFor()}`), timeoutMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
