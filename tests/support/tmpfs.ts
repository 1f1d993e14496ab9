import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk of 1 MiB that a test can really fill; `problem` says why there cannot be one here. */
export function tmpfs() {
  const folder = mkdtempSync(join(tmpdir(), 'moonstead-disk-'));

  /** Empty when it worked. */
  function mount(): string {
    const options = ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', folder];
    const { success, stderr } = Bun.spawnSync(['mount', ...options], { stderr: 'pipe' });
    return success ? '' : stderr.toString().trim() || 'mount failed';
  }

  function unmount(): void {
    // Lazily: the thread of a store that just closed may not be quite gone.
    Bun.spawnSync(['umount', '-l', folder]);
  }

  function cannotMount(): string {
    if (process.platform !== 'linux') return 'needs tmpfs';
    if (!Bun.which('mount')) return 'needs mount';
    const problem = mount();
    if (problem === '') unmount();
    return problem;
  }

  return { folder, mount, unmount, problem: cannotMount() };
}
