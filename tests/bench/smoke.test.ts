import { expect, test } from 'bun:test';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dir, '../..');

/** Against a hang, in ms: on a machine that is used by others as well a part may take a minute. */
const partMs = 240_000;
const testMs = partMs + 10_000;

async function bench(words: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, 'bench/main.ts', ...words], {
    cwd: root,
    env: { ...process.env, ...env },
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: partMs,
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode: child.exitCode };
}

// How many messages fit into a turn is a matter of speed, so no test says more than that there are some.

/** Runs one part's smoke run in a folder of its own; gives what it printed. */
async function smoke(part: string): Promise<string> {
  const results = join(root, 'bench/RESULTS.md');
  const written = existsSync(results) ? statSync(results).mtimeMs : undefined;
  const folder = await mkdtemp(join(tmpdir(), 'moonstead-smoke-'));
  try {
    const { stdout, stderr, exitCode } = await bench([part, '--smoke'], { TMPDIR: folder });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(await readdir(folder)).toEqual([]);
    expect(existsSync(results) ? statSync(results).mtimeMs : undefined).toBe(written);
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test(
  'the smoke run accounts for every message and leaves nothing behind',
  async () => {
    const stdout = await smoke('relay');
    const counted = [
      ...stdout.matchAll(
        /Accounted for: (\d+) messages sent, (\d+) acknowledged, (\d+) deliveries/g,
      ),
    ].map((match) => match.slice(1).map(Number) as [number, number, number]);
    expect(counted).toHaveLength(5);
    for (const [sent, acknowledged] of counted) {
      expect(sent).toBeGreaterThan(0);
      expect(acknowledged).toBe(sent);
    }
    const [fanOut, oneToOne, latency, beside, queueing] = counted;
    expect(fanOut![2]).toBe(3 * fanOut![0]);
    expect(oneToOne![2]).toBe(oneToOne![0]);
    expect(latency![2]).toBe(3 * latency![0]);
    expect(beside![2]).toBeGreaterThan(0);
    expect(beside![2]).toBeLessThan(beside![0]);
    expect(queueing![2]).toBe(0);
    expect(stdout).toContain('Open at once in each of 2 processes: 100 sockets');
  },
  testMs,
);

test(
  'the smoke run accounts for every task and leaves nothing behind',
  async () => {
    const stdout = await smoke('tasks');
    const counted = [
      ...stdout.matchAll(
        /Accounted for: (\d+) tasks asked for, (\d+) done by workers, (\d+) answered/g,
      ),
    ].map((match) => match.slice(1).map(Number) as [number, number, number]);
    expect(counted).toHaveLength(4);
    for (const [asked, worked, answered] of counted) {
      expect(asked).toBeGreaterThan(0);
      expect(worked).toBe(asked);
      expect(answered).toBe(asked);
    }
    expect(stdout).toContain('Every worker chosen was of the region that was asked for.');
    expect(stdout).toContain('Held and answered at the end: 300, one by each of 300 workers.');
  },
  testMs,
);

test(
  'the smoke run accounts for every byte between players and leaves nothing behind',
  async () => {
    const stdout = await smoke('players');
    const counted = [
      ...stdout.matchAll(
        /Accounted for: (\d+) messages sent, (\d+) acknowledged, (\d+) deliveries/g,
      ),
    ].map((match) => match.slice(1).map(Number) as [number, number, number]);
    expect(counted).toHaveLength(2);
    const [presence, direct] = counted;
    expect(presence![0]).toBeGreaterThan(0);
    expect(presence![1]).toBe(presence![0] / 2);
    expect(presence![2]).toBe(20 * presence![0]);
    expect(direct![0]).toBeGreaterThan(0);
    expect(direct![1]).toBe(direct![0]);
    expect(direct![2]).toBe(direct![0]);
    // One to each of three servers, and one to a slow reader.
    expect(stdout).toContain(`Accounted for: ${4 * 4 * 2 ** 20} bytes of files`);
  },
  testMs,
);

test(
  'the smoke run accounts for every page and event and leaves nothing behind',
  async () => {
    const stdout = await smoke('status');
    const numbersOf = (pattern: RegExp) => pattern.exec(stdout)!.slice(1).map(Number);
    const [asked, answered, listed] = numbersOf(
      /Accounted for: (\d+) pages asked for, (\d+) answered, .*; (\d+) sessions begun/,
    );
    expect(asked).toBeGreaterThan(0);
    expect(answered).toBe(asked!);
    expect(listed).toBe(100 + 2 * 250);
    const [wanted, begun, told] = numbersOf(
      /Accounted for: (\d+) sessions asked for, (\d+) begun, (\d+) times told of one/,
    );
    expect(wanted).toBeGreaterThan(0);
    expect(begun).toBe(wanted!);
    // As many at both servers; three read at one of them, nobody at the other.
    expect(told).toBe((3 * wanted!) / 2);
  },
  testMs,
);

test('an unknown word is refused', async () => {
  const { stderr, exitCode } = await bench(['chess']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('unknown "chess"');
});
