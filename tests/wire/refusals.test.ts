import { afterEach, expect, test } from 'bun:test';
import { Moonstead } from '../support/moonstead.ts';
import { RawClient } from '../support/raw.ts';

let server: Moonstead | undefined;
afterEach(() => server?.stop());

const retryAfter = ({ head }: RawClient) => /^retry-after: (.+)$/im.exec(head)?.[1]?.trim();

test('a refusal before the upgrade says Retry-After only where the same client may hope', async () => {
  server = await Moonstead.start({ toml: '[server]\nsockets_max = 1' });
  const wrong = await RawClient.ask(server.port, { key: 'wrong' });
  expect([wrong.status, retryAfter(wrong)]).toEqual([401, undefined]);
  const first = await RawClient.open(server.port);
  const second = await RawClient.ask(server.port);
  expect([second.status, retryAfter(second)]).toEqual([503, '5']);
  first.destroy();
  second.destroy();
  wrong.destroy();
});
