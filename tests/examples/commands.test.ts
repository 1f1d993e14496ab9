import { expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { openCommands } from '../../examples/minecraft-log/commands.ts';
import { makeFifo, readNow } from './support/fifo.ts';
import { inFolder, until } from './support/until.ts';

test('commands are appended to a file in order, after what is there', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'commands');
    await Bun.write(path, 'list\n');
    const commands = openCommands(path, () => {});
    for (const name of ['a', 'b', 'c']) commands.write(`${name}\n`);
    expect(commands.close()).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe('list\na\nb\nc\n');
  }));

test('a FIFO without a reader blocks nothing, and a reader that comes gets everything in order', () =>
  inFolder(async (folder) => {
    const path = makeFifo(folder);
    const said: string[] = [];
    const commands = openCommands(path, (text) => said.push(text));
    for (let number = 0; number < 100; number++) commands.write(`${number}\n`);
    expect(said).toEqual([`nothing reads ${path}; commands wait`]);

    const reader = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let read = '';
    reader.stdout.on('data', (bytes) => (read += bytes));
    await until(() => read.endsWith('99\n'), 'the last command');
    expect(read.split('\n')).toEqual([...Array.from({ length: 100 }, (_, n) => String(n)), '']);
    expect(commands.close()).toBe(0);
  }));

test('a reader that goes away harms nothing; the next one gets what came meanwhile', () =>
  inFolder(async (folder) => {
    const path = makeFifo(folder);
    const said: string[] = [];
    const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const commands = openCommands(path, (text) => said.push(text));
    commands.write('1\n');
    const bytes = Buffer.alloc(10);
    expect(bytes.toString('utf8', 0, readSync(first, bytes))).toBe('1\n');
    closeSync(first);
    commands.write('2\n');
    commands.write('3\n');
    expect(said[0]).toBe(`nothing reads ${path}; commands wait`);

    const second = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    expect(commands.close()).toBe(0);
    expect(bytes.toString('utf8', 0, readSync(second, bytes))).toBe('2\n3\n');
    closeSync(second);
  }));

test('behind a reader that is too slow, commands stay whole', () =>
  inFolder(async (folder) => {
    const path = makeFifo(folder);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const commands = openCommands(path, () => {});
    const wanted = Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat(1_000 + n)}\n`);
    for (const command of wanted) commands.write(command);
    let read = '';
    const chunk = Buffer.alloc(10_000);
    const more = (): boolean => {
      read += chunk.toString('utf8', 0, readNow(reader, chunk));
      return read.length >= wanted.join('').length;
    };
    await until(more, 'all commands');
    expect(read).toBe(wanted.join(''));
    commands.close();
    closeSync(reader);
  }));

test('of too many waiting commands the oldest go, and it is told', () =>
  inFolder(async (folder) => {
    const path = makeFifo(folder);
    const said: string[] = [];
    const commands = openCommands(path, (text) => said.push(text));
    for (let number = 0; number < 1_500; number++) commands.write(`${number}\n`);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    expect(commands.close()).toBe(0);
    const bytes = Buffer.alloc(65_536);
    const lines = bytes.toString('utf8', 0, readSync(reader, bytes)).trim().split('\n');
    closeSync(reader);
    expect(lines).toHaveLength(1_000);
    expect(lines.at(-1)).toBe('1499');
    expect(said.at(-1)).toBe(`commands dropped while nothing read ${path}: 500`);
  }));

test('commands that never found a reader are counted', () =>
  inFolder(async (folder) => {
    const commands = openCommands(makeFifo(folder), () => {});
    commands.write('1\n');
    commands.write('2\n');
    expect(commands.close()).toBe(2);
  }));
