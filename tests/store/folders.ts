import { afterAll } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Gives folder names that nobody else has, not made yet; all are removed after the file's tests. */
export function temporaryFolders(): () => string {
  const root = mkdtempSync(join(tmpdir(), 'moonstead-store-'));
  let made = 0;
  afterAll(() => rmSync(root, { recursive: true }));
  return () => join(root, `${++made}`);
}
