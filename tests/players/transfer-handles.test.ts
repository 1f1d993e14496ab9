import { expect, test } from 'bun:test';
import { Handles } from '../../src/players/transfer-handles.ts';

/** Handles that say what happens to them; `look` is the moment at which idle ones are looked for. */
function stage(max: number) {
  const told: string[] = [];
  const looks: (() => void)[] = [];
  const open = async (id: string) => {
    told.push(`open ${id}`);
    return { id, close: async () => void told.push(`close ${id}`) };
  };
  const handles = new Handles({ open, later: (fn) => void looks.push(fn) }, max);
  return {
    told,
    handles,
    touch: (id: string) => handles.use(id, async () => {}),
    async look() {
      for (const fn of looks.splice(0)) fn();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('a handle is opened once, however often it is used, by how many at once', async () => {
  const { told, handles, touch } = stage(2);
  await touch('a');
  const both = await Promise.all([1, 2].map((n) => handles.use('a', async ({ id }) => id + n)));
  expect(both).toEqual(['a1', 'a2']);
  expect(told).toEqual(['open a']);
});

test('past the number that may be open, the one used longest ago goes first', async () => {
  const { told, touch } = stage(2);
  for (const id of ['a', 'b', 'a', 'c']) await touch(id);
  expect(told).toEqual(['open a', 'open b', 'close b', 'open c']);
});

test('one that is in use stays open; when it was dropped meanwhile, until then', async () => {
  const { told, handles, touch } = stage(1);
  const busy = Promise.withResolvers<void>();
  const using = handles.use('a', () => busy.promise);
  await touch('b');
  await handles.drop('a');
  expect(told).toEqual(['open a', 'open b']);
  busy.resolve();
  await using;
  expect(told).toEqual(['open a', 'open b', 'close a']);
});

test('one that failed, or could not be opened, is opened anew', async () => {
  const { told, handles, touch } = stage(2);
  const fail = () => Promise.reject(new Error('bad disk'));
  await expect(handles.use('a', fail)).rejects.toThrow('bad disk');
  await expect(handles.use('b', async () => {}, fail)).rejects.toThrow('bad disk');
  await touch('a');
  await touch('b');
  expect(told).toEqual(['open a', 'close a', 'open a', 'open b']);
});

test('one that nobody used from one look to the next is closed, and is opened when it is needed', async () => {
  const { told, touch, look } = stage(2);
  await touch('a');
  await look();
  await touch('a');
  await look();
  expect(told).toEqual(['open a']);
  await look();
  await touch('a');
  expect(told).toEqual(['open a', 'close a', 'open a']);
});
