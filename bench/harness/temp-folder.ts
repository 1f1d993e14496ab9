import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();

/** A fresh folder under the system's temporary one; removed at our exit, if not before. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'moonstead-bench-'));
  folders.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

process.on('exit', () => folders.forEach(removeFolder));
