import { expect, test } from 'bun:test';
import { apiKeys } from '../../src/access/api-keys.ts';
import {
  type AccessPorts,
  mayNotRead,
  operatorOf,
  type StatusRole,
} from '../../src/status/access.ts';
import { statusRefusals } from '../../src/status/messages.ts';

const keys = apiKeys<StatusRole>([
  { name: 'bot', key: 'reads', role: 'read' },
  { name: 'anna', key: 'acts', role: 'admin' },
]);
const { badKey, keyNeeded, notAdmin } = statusRefusals;

const shown = (key: string) => [
  new Headers({ 'X-API-Key': key }),
  new Headers({ Authorization: `Bearer ${key}` }),
];
const places: [string, Omit<AccessPorts, 'keys'>][] = [
  ['closed', { isPublic: false, isOpenHere: false }],
  ['open here', { isPublic: false, isOpenHere: true }],
  ['public', { isPublic: true, isOpenHere: false }],
  ['public and open here', { isPublic: true, isOpenHere: true }],
];

test.each(places)(
  '%s: a key of either role reads, another only where none is needed on this machine',
  (_, place) => {
    for (const isForwarded of [true, false]) {
      const refusals = (key: string) =>
        shown(key).map((headers) => mayNotRead(headers, isForwarded, { keys, ...place }));
      expect(refusals('reads')).toEqual([undefined, undefined]);
      expect(refusals('acts')).toEqual([undefined, undefined]);
      const refused = place.isOpenHere && !isForwarded ? undefined : badKey;
      for (const wrong of ['read', 'Reads', 'bot', 'x'])
        expect(refusals(wrong)).toEqual([refused, refused]);
    }
  },
);

test('without a key reading is open where it is public, and on loopback to who came directly', () => {
  const refused = places.map(([, place]) =>
    [false, true].map((isForwarded) => mayNotRead(new Headers(), isForwarded, { keys, ...place })),
  );
  expect(refused).toEqual([
    [keyNeeded, keyNeeded],
    [undefined, keyNeeded],
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

test.each(places)('%s: only the role admin acts, by the name of its key', (_, place) => {
  const who = (headers: Headers) => operatorOf(headers, { keys, ...place });
  expect(shown('acts').map(who)).toEqual([{ by: 'anna' }, { by: 'anna' }]);
  expect(shown('reads').map(who)).toEqual([notAdmin, notAdmin]);
  expect(shown('wrong').map(who)).toEqual([badKey, badKey]);
  expect(who(new Headers())).toEqual(keyNeeded);
});
