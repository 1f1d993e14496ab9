import { expect, test } from 'bun:test';
import { contentOf, filesGiven, TransferStage } from './transfer-stage.ts';

const id = 'e'.repeat(32);

test.each([
  ['no JSON', 'nonsense', id],
  ['an empty object', '{}', id],
  ['null', 'null', id],
  ['a state that there is not', { state: 'lost' }, id],
  ['more safe bytes than the file has', { fileSize: 5 }, id],
  ['a whole file without a hash', { sha256: undefined }, id],
  ['a size that is no number', { fileSize: '10' }, id],
  ['a target that nobody can be called', { targetId: '' }, id],
  ['a key that is no id', {}, '../../x'],
])('a record of %s is told and left alone, and all others are there', async (_what, text, key) => {
  const stage = await TransferStage.start();
  await stage.join('alice').give(contentOf(10));
  const [{ id: good, ...fields }] = (await stage.stored()) as any;
  const broken = typeof text === 'string' ? text : JSON.stringify({ ...fields, ...text });
  await stage.store.records.put('transfers', [{ key, text: broken }]);
  stage.disk.files.set(id, { bytes: contentOf(10), synced: 10, isNamed: true });
  if (key !== id) stage.disk.files.delete(id);
  const files = [...stage.disk.files.keys()];
  await stage.restart();
  await stage.run(1_000);
  expect(stage.events.filter((event) => event.startsWith('record_unreadable'))).toHaveLength(1);
  expect([...stage.disk.files.keys()]).toEqual(files);
  expect(await stage.store.records.all('transfers')).toContainEqual({ key, text: broken });
  const bob = stage.join('bob');
  await stage.run();
  expect(filesGiven(bob.takeAll())).toMatchObject([{ begin: { transferId: good }, isWhole: true }]);
});
