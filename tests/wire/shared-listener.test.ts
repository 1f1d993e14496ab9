import { afterAll, beforeAll, expect, test } from 'bun:test';
import { Moonstead } from '../support/moonstead.ts';
import { frame, opcodes, RawClient } from '../support/raw.ts';

// The players' frames may have 16 MB, so this listener takes what is too large for the relay.
let server: Moonstead;
beforeAll(async () => {
  server = await Moonstead.start({ toml: '[gateway]\nbody_size = 1' });
});
afterAll(() => server.stop());

const mib = 1024 ** 2;

test.each<[string, Uint8Array[]]>([
  ['one frame', [frame('x'.repeat(mib + 1))]],
  ['a binary one', [frame('x'.repeat(mib + 1), { opcode: opcodes.binary })]],
  ['characters of two bytes', [frame('é'.repeat(mib / 2 + 1))]],
  [
    'fragments',
    [frame('x'.repeat(mib), { fin: false }), frame('x', { opcode: opcodes.continuation })],
  ],
])('beside a part with larger messages the relay closes with 1009: %s', async (_, bytes) => {
  const mod = await RawClient.mod(server.port, { key: 'gateway' });
  mod.write(...bytes);
  expect((await mod.end())?.code).toBe(1009);
  expect(mod.texts).toHaveLength(1);
});
