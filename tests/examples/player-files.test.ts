import { expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Moonstead, type Options, until } from '../support/moonstead.ts';
import { startHoldingProxy } from './support/holding-proxy.ts';
import { at, playground, printed } from './support/player.ts';

const mib = 1024 ** 2;
const { ends, folder, enter, fileOf, saved, isSaved } = playground();

const clean = { code: 0, signal: null };

async function serve(options: Options = {}): Promise<Moonstead> {
  const server = await Moonstead.start({ folder: folder(), ...options });
  ends.push(() => server.stop('SIGKILL'));
  return server;
}

test('files arrive identical, both ways at once, and are deleted there', async () => {
  const { http } = await serve();
  const alice = await enter('alice', at(http));
  const bob = await enter('bob', at(http));
  const large = fileOf('my world.zip', 9 * mib + 1);
  const other = fileOf('other.bin', 3 * mib);
  const empty = fileOf('empty', 0);
  alice.type(`send bob ${large.path}\nsend bob ${empty.path}\nto bob meanwhile\n`);
  bob.type(`send alice ${other.path}\n`);
  const place = join(folder(), 'bob');
  await printed(bob, `from alice: my world.zip is saved as ${join(place, 'my world.zip')}`);
  await printed(bob, `from alice: empty is saved as ${join(place, 'empty')}`);
  await printed(bob, '<alice> meanwhile');
  await printed(alice, /^from bob: other.bin is saved as /);
  expect(isSaved('bob', 'my world.zip', large.content)).toBe(true);
  expect(isSaved('bob', 'empty', empty.content)).toBe(true);
  expect(isSaved('alice', 'other.bin', other.content)).toBe(true);
  expect([saved('alice'), saved('bob')]).toEqual([['other.bin'], ['empty', 'my world.zip']]);
  await printed(alice, 'to bob: my world.zip is sent');
  const tens = bob.lines().filter((line) => line.startsWith('from alice: my world.zip: '));
  expect(tens.length).toBe(10);
  await until('the server to delete them', () => {
    return readdirSync(join(folder(), 'data/transfers')).length === 0;
  });
});

test('a file for somebody who is away waits; leaving waits until it is sent', async () => {
  const { http } = await serve();
  const { path, content } = fileOf('a.bin', 3 * mib);
  const alice = await enter('alice', at(http));
  alice.type(`send bob ${path}\nquit\n`);
  expect(await alice.ended).toEqual(clean);
  expect(alice.lines().at(-1)).toBe('to bob: a.bin is sent, and waits there for its receiver');
  const bob = await enter('bob', at(http));
  await printed(bob, /^from alice: a.bin is saved/);
  expect(isSaved('bob', 'a.bin', content)).toBe(true);
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a file that is cut in the middle by %s goes on where it was when the server is back',
  async (signal) => {
    const before = await serve();
    const proxy = startHoldingProxy(before.port);
    ends.push(proxy.stop);
    proxy.hold('up', 26 * mib);
    const alice = await enter('alice', at(before.http, `ws://127.0.0.1:${proxy.port}`));
    const { path, content } = fileOf('big.bin', 32 * mib);
    alice.type(`send bob ${path}\n`);
    // So far it comes only when the first 16 MiB are noted, whatever ends the server.
    await printed(alice, /^to bob: big.bin: [78]0 %$/);
    proxy.release();
    await before.stop(signal);
    const after = await serve({ port: before.port });
    await printed(alice, 'to bob: big.bin is sent, and waits there for its receiver');
    const line = alice.lines().find((one) => one.includes('goes on after'));
    const resumedAt = Number(/goes on after (\d+) bytes/.exec(line!)?.[1]);
    expect(resumedAt).toBeWithin(16 * mib, 26 * mib);
    const bob = await enter('bob', at(after.http));
    await printed(bob, /^from alice: big.bin is saved/);
    expect(isSaved('bob', 'big.bin', content)).toBe(true);
  },
);

test('a file whose receiver is cut off comes anew, and nothing half is left', async () => {
  const before = await serve();
  const proxy = startHoldingProxy(before.port);
  ends.push(proxy.stop);
  proxy.hold('down', 5 * mib);
  const { path, content } = fileOf('big.bin', 9 * mib);
  const alice = await enter('alice', at(before.http));
  alice.type(`send bob ${path}\nquit\n`);
  expect(await alice.ended).toEqual(clean);
  const bob = await enter('bob', at(before.http, `ws://127.0.0.1:${proxy.port}`));
  await printed(bob, 'from alice: big.bin: 50 %');
  expect(saved('bob')).toEqual([expect.stringMatching(/^\.[0-9a-f]{32}\.part$/)]);
  proxy.release();
  await before.stop('SIGKILL');
  await until('the half file to go', () => saved('bob').length === 0);
  await serve({ port: before.port });
  await printed(bob, /^from alice: big.bin is saved/);
  expect(saved('bob')).toEqual(['big.bin']);
  expect(isSaved('bob', 'big.bin', content)).toBe(true);
});

test('a hostile name is harmless, and nothing is overwritten', async () => {
  const { http } = await serve();
  mkdirSync(join(folder(), 'bob'));
  writeFileSync(join(folder(), 'bob', 'a.txt'), 'mine');
  const alice = await enter('alice', at(http));
  const bob = await enter('bob', at(http));
  const hostile = fileOf('..\\.pro\x1b[2J\u202efile', 10);
  const same = fileOf('a.txt', 10);
  alice.type(`send bob ${hostile.path}\nsend bob ${same.path}\nsend bob ${same.path}\n`);
  await printed(bob, / is saved as .*$/, 3);
  expect(saved('bob')).toEqual(['a (2).txt', 'a (3).txt', 'a.txt', 'pro[2Jfile']);
  expect(readFileSync(join(folder(), 'bob', 'a.txt'), 'utf8')).toBe('mine');
  expect(isSaved('bob', 'a (3).txt', same.content)).toBe(true);
  expect(bob.out() + alice.out()).not.toMatch(/[\x1b\u202e]/);
});

test('what cannot be sent is told, and shows in the exit code', async () => {
  const { http } = await serve({ toml: '[players.files]\nmax_file_mb = 1\n' });
  const alice = await enter('alice', at(http));
  const { path } = fileOf('large.bin', mib + 1);
  alice.type(`send bob ${path}\nsend bob ${folder()}\nsend bob ${path}.none\n`);
  alice.endInput();
  expect(await alice.ended).toEqual({ code: 1, signal: null });
  const why = 'Larger than players.files.max_file_mb.';
  expect(alice.lines()).toContain(`to bob: large.bin is not sent: ${why}`);
  expect(alice.out()).toContain(' is not sent: not a file');
  expect(alice.out()).toMatch(/large.bin.none is not sent: ENOENT/);
});
