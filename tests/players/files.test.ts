import { afterAll, expect, spyOn, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesIn } from '../../src/players/files.ts';
import { sha256Of } from '../sim/transfers-disk.ts';
import { until } from '../support/moonstead.ts';
import { contentOf } from './transfer-stage.ts';

const root = mkdtempSync(join(tmpdir(), 'moonstead-files-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const newFolder = () => join(root, `${(folders += 1)}`, 'transfers');
const id = '0123456789abcdef0123456789abcdef';
const content = contentOf(700_000);

/** Where a descriptor of ours leads, while it does. */
function pathOfFd(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** What all open files have in common. */
async function handles(): Promise<FileHandle> {
  await using one = await open(root);
  return Object.getPrototypeOf(one);
}

async function writtenFile() {
  const folder = newFolder();
  const files = await filesIn(folder);
  const file = await files.write(id, 0);
  await file.append([content.subarray(0, 3), content.subarray(3, 400_000)]);
  await file.append([content.subarray(400_000)]);
  return { folder, files, file, path: join(folder, id) };
}

test('a file is written part after part, for its owner only, and hashed', async () => {
  const { file, folder, path } = await writtenFile();
  await file.sync();
  expect(await readFile(path)).toEqual(Buffer.from(content));
  expect(file.sha256()).toBe(sha256Of(content));
  expect([folder, path].map((one) => statSync(one).mode & 0o777)).toEqual([0o700, 0o600]);
});

test('a sync reaches the disk, the first one with the name of the file', async () => {
  const { file } = await writtenFile();
  using sync = spyOn(await handles(), 'sync');
  await file.sync();
  expect(sync).toHaveBeenCalledTimes(2);
  await file.sync();
  expect(sync).toHaveBeenCalledTimes(3);
});

test('a system that writes less than it was given is given the rest', async () => {
  type Write = (bytes: Uint8Array, offset: number, length: number, at: number) => Promise<unknown>;
  const system = (await handles()) as unknown as { write: Write };
  const whole = system.write;
  using write = spyOn(system, 'write');
  write.mockImplementation(function (this: unknown, bytes, offset, length, at) {
    return whole.call(this, bytes, offset, Math.min(100_000, length), at);
  });
  const { file, path } = await writtenFile();
  expect(await readFile(path)).toEqual(Buffer.from(content));
  expect(file.sha256()).toBe(sha256Of(content));
});

test('an earlier file goes on where it is told; what is beyond is cut off', async () => {
  const { folder, path } = await writtenFile();
  const file = await (await filesIn(folder)).write(id, 300_001);
  expect(statSync(path).size).toBe(300_001);
  await file.append([content.subarray(300_001, 500_000)]);
  await file.sync();
  expect(file.sha256()).toBe(sha256Of(content.subarray(0, 500_000)));
  expect(await readFile(path)).toEqual(Buffer.from(content.subarray(0, 500_000)));
});

test('an earlier file that lost its end is not gone on with', async () => {
  const { files, path } = await writtenFile();
  await truncate(path, 1000);
  await expect(files.write(id, 1001)).rejects.toThrow('the file ends at 1000');
});

test('a new file never replaces another', async () => {
  const { files, path } = await writtenFile();
  await expect(files.write(id, 0)).rejects.toThrow('EEXIST');
  expect(statSync(path).size).toBe(content.length);
});

test('a file is read anywhere, and never half', async () => {
  const { files } = await writtenFile();
  const into = new Uint8Array(300_000);
  await files.read(id, 400_000, into);
  expect(into).toEqual(content.slice(400_000));
  await expect(files.read(id, 400_001, into)).rejects.toThrow('the file ends at 700000');
  await expect(files.read('f'.repeat(32), 0, into)).rejects.toThrow('ENOENT');
});

test('what is in the folder under other names is neither listed nor touched', async () => {
  const { files, folder } = await writtenFile();
  await writeFile(join(folder, 'notes.txt'), 'mine');
  expect(await files.list()).toEqual([{ id, bytes: content.length }]);
  await files.remove(id);
  await files.remove(id);
  expect(await files.list()).toEqual([]);
  expect(readdirSync(folder)).toEqual(['notes.txt']);
  for (const bad of ['notes.txt', `../${id}`, '', id.toUpperCase()])
    await expect(files.remove(bad)).rejects.toBeInstanceOf(RangeError);
});

test('what is free is told in bytes', async () => {
  const free = await (await filesIn(newFolder())).freeBytes();
  expect(free).toBeGreaterThan(1_000_000);
  expect(free % 512).toBe(0);
});

test('a hundred files at once need few descriptors, and none a moment later', async () => {
  const folder = newFolder();
  const files = await filesIn(folder);
  const openFiles = () =>
    readdirSync('/proc/self/fd').filter((fd) => pathOfFd(fd).startsWith(folder)).length;
  const ids = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(32, '0'));
  const all = await Promise.all(ids.map((one) => files.write(one, 0)));
  let most = 0;
  const look = setInterval(() => (most = Math.max(most, openFiles())), 1);
  await Promise.all(all.map((file) => file.append([content.subarray(0, 300_000)])));
  clearInterval(look);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(16);
  await until('the last to be closed', () => openFiles() === 0);
  expect((await files.list()).map(({ bytes }) => bytes)).toEqual(Array(100).fill(300_000));
});

test('writing does not hold up the event loop', async () => {
  const file = await (await filesIn(newFolder())).write(id, 0);
  const big = new Uint8Array(16 * 1024 * 1024);
  let turns = 0;
  const count = () => void (turns += 1);
  const ticking = setInterval(count, 0);
  await file.append([big]);
  await file.sync();
  clearInterval(ticking);
  // Sixty-four pieces, and the loop was free between them.
  expect(turns).toBeGreaterThan(8);
});

test('a folder that is gone rejects, and nothing is made in its place', async () => {
  const { files, file, folder } = await writtenFile();
  rmSync(folder, { recursive: true });
  await expect(files.write('a'.repeat(32), 0)).rejects.toThrow('ENOENT');
  await expect(file.sync()).rejects.toThrow('the file was removed');
  await expect(file.append([content])).rejects.toThrow('ENOENT');
  await expect(file.sync()).rejects.toThrow('ENOENT');
  expect(existsSync(folder)).toBeFalse();
});

test('a file can be synced while it is written to and read, and replaced when it was removed', async () => {
  const { files, file, path } = await writtenFile();
  const written = Promise.all([file.append([content]), file.sync()]);
  const into = new Uint8Array(1000);
  await files.read(id, 699_000, into);
  expect(into).toEqual(content.slice(699_000));
  await written;
  await files.remove(id);
  expect(existsSync(path)).toBeFalse();
  await expect(files.read(id, 0, into)).rejects.toThrow('ENOENT');
  await files.write(id, 0);
  expect(statSync(path).size).toBe(0);
});

test('a file that is there and cannot be removed is no file that was removed', async () => {
  const folder = newFolder();
  const files = await filesIn(folder);
  await mkdir(join(folder, id));
  await expect(files.remove(id)).rejects.toThrow();
  await files.remove('f'.repeat(32));
});
