import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Waits until `condition` holds; fails after `deadlineMs` with what was waited for. */
export async function until(
  condition: () => boolean,
  what: string | (() => string),
  deadlineMs = 4_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) {
      throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    }
    await Bun.sleep(2);
  }
}

/** Runs `body` with a new folder, which is gone afterwards. */
export async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'moonstead-examples-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
