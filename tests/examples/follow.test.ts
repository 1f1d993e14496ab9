import { afterEach, expect, test } from 'bun:test';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { follow, type FollowOptions } from '../../examples/minecraft-log/follow.ts';
import { loadPlace, savePlace, type Place } from '../../examples/minecraft-log/place.ts';
import { inFolder, until } from './support/until.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Follows in the background and collects the lines. */
function watch(path: string, from: FollowOptions['from']) {
  const lines: string[] = [];
  const said: string[] = [];
  let place: Place | undefined;
  const controller = new AbortController();
  const options = {
    from,
    pollMs: 3,
    signal: controller.signal,
    say: (text: string) => said.push(text),
  };
  const running = (async () => {
    for await (const line of follow(path, options)) {
      if (line.text !== '') lines.push(line.text);
      place = line.place;
    }
  })();
  const stop = async (): Promise<Place> => {
    controller.abort();
    await running;
    return place!;
  };
  stops.push(async () => void (await stop()));
  return {
    lines,
    said,
    stop,
    begun: () => until(() => place !== undefined, 'the beginning'),
    see: async (...expected: string[]) => {
      await until(
        () => lines.length >= expected.length,
        () => `${expected}, have ${lines}`,
      );
      expect(lines).toEqual(expected);
    },
  };
}

test('from the start: every line; then what is appended, a line when it is whole', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\r\ntwo\nthr');
    const { see, lines } = watch(log, 'start');
    await see('one', 'two');
    appendFileSync(log, 'ee');
    appendFileSync(log, ' and a half\nfour\nfi');
    await see('one', 'two', 'three and a half', 'four');
    expect(lines).not.toContain('fi');
  }));

test('from the end: only what is new, with the line that is just being written', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'old\nolder\nhalf');
    const { see, begun } = watch(log, 'end');
    await begun();
    appendFileSync(log, ' and half\nnew\n');
    await see('half and half', 'new');
  }));

test('a log that comes later is read from its start', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    const { see, said } = watch(log, 'end');
    await until(() => said.length > 0, 'the first look');
    writeFileSync(log, 'one\ntwo\n');
    await see('one', 'two');
  }));

test('a character cut in two by a write, and bytes that are no UTF-8, harm nothing', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    const bytes = Buffer.from('日本\n');
    writeFileSync(log, bytes.subarray(0, 4));
    const { see, begun } = watch(log, 'start');
    await begun();
    appendFileSync(log, bytes.subarray(4));
    appendFileSync(log, Buffer.from([0xff, 0x0a]));
    await see('日本', '\ufffd');
  }));

test('a line without end is cut, and the lines after it are whole', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, `${'x'.repeat(1_000_000)}\nnext\n`);
    const { see } = watch(log, 'start');
    await see('x'.repeat(65_536), 'next');
  }));

test('renamed and recreated: the old file to its end, also what is written after the rename', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\nha');
    const { see } = watch(log, 'start');
    await see('one');
    renameSync(log, join(folder, 'old.log'));
    appendFileSync(join(folder, 'old.log'), 'lf\ntwo\n');
    writeFileSync(log, 'three\n');
    await see('one', 'half', 'two', 'three');
    appendFileSync(log, 'four\n');
    await see('one', 'half', 'two', 'three', 'four');
  }));

test('renamed with a half line that nobody ends: it counts as it is, before the new file', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\nhalf');
    const { see } = watch(log, 'start');
    await see('one');
    renameSync(log, join(folder, 'old.log'));
    writeFileSync(log, 'two\n');
    await see('one', 'half', 'two');
  }));

test('removed and recreated', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\n');
    const { see } = watch(log, 'start');
    await see('one');
    unlinkSync(log);
    writeFileSync(log, 'two\n');
    await see('one', 'two');
  }));

test('truncated: copied away and emptied, also with a half line', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\ntwo\nhalf');
    const { see } = watch(log, 'start');
    await see('one', 'two');
    copyFileSync(log, join(folder, 'copy.log'));
    truncateSync(log);
    await see('one', 'two', 'half');
    appendFileSync(log, 'three\n');
    await see('one', 'two', 'half', 'three');
  }));

test('truncated and at once longer than before', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\n');
    const { see } = watch(log, 'start');
    await see('one');
    writeFileSync(log, 'a line\nand another\n');
    await see('one', 'a line', 'and another');
  }));

test('from a saved place: neither lost nor repeated, also lines of the time in between', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    const state = join(folder, 'state');
    writeFileSync(log, 'one\ntwo\nth');
    const first = watch(log, 'start');
    await first.see('one', 'two');
    savePlace(state, await first.stop());
    appendFileSync(log, 'ree\nfour\n');
    await watch(log, loadPlace(state)!).see('three', 'four');
    expect(existsSync(`${state}.new`)).toBe(false);
  }));

test('from a saved place in a file that was renamed meanwhile: its rest first', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\n');
    const first = watch(log, 'start');
    await first.see('one');
    const place = await first.stop();
    appendFileSync(log, 'two\n');
    renameSync(log, join(folder, '2025-12-08-1.log'));
    writeFileSync(log, 'three\n');
    await watch(log, place).see('two', 'three');
  }));

test('from a saved place whose file is gone: the present file from its start, and it is told', () =>
  inFolder(async (folder) => {
    const log = join(folder, 'latest.log');
    writeFileSync(log, 'one\ntwo\n');
    const first = watch(log, 'start');
    await first.see('one', 'two');
    const place = await first.stop();
    writeFileSync(log, 'a new beginning of the same length or more\n');
    const second = watch(log, place);
    await second.see('a new beginning of the same length or more');
    expect(second.said).toHaveLength(1);
  }));

test.each([
  '',
  '{',
  '{}',
  '{"inode":1,"offset":"2","head":"x"}',
  '{"inode":1,"offset":-2,"head":"x"}',
  '[]',
  'null',
])('a state file with %j is refused and left alone', (text) =>
  inFolder(async (folder) => {
    const state = join(folder, 'state');
    writeFileSync(state, text);
    expect(() => loadPlace(state)).toThrow(/holds no place.*remove it/);
    expect(readFileSync(state, 'utf8')).toBe(text);
  }),
);
