import { describe, expect, test } from 'bun:test';
import { lookInto } from '../src/json-text.ts';
import { SeededRandom } from './sim/random.ts';

describe('the depth of a text', () => {
  test.each([
    ['5', 0],
    ['"[[{"', 0],
    ['"\\"[["', 0],
    ['"\\\\"', 0],
    ['[]', 1],
    ['{"a":[1,{"b":"]"}]}', 3],
    ['[[],[[]],[]]', 3],
    [`${'['.repeat(50_000)}${']'.repeat(50_000)}`, 50_000],
  ])('%.20s: %p', (text, depth) => {
    expect(lookInto(text, [])).toEqual({ depth, member: undefined });
  });
});

describe('a member of a text', () => {
  const cases: [string, string[], string | undefined][] = [
    ['{"payload":12345678901234567890}', ['payload'], '12345678901234567890'],
    ['{"payload" : 1.10 }', ['payload'], '1.10'],
    ['\n{ "a" : { "payload" : 1 } , "payload" : [ 1 , 2 ] }', ['payload'], '[ 1 , 2 ]'],
    ['{"payload":1,"payload":2}', ['payload'], '2'],
    ['{"pay\\u006coad":"x"}', ['payload'], '"x"'],
    ['{"payload":"a\\"},{\\\\"}', ['payload'], '"a\\"},{\\\\"'],
    ['{"a":"\\"payload\\":1","payload":true}', ['payload'], 'true'],
    ['{"payload":{}}', ['payload'], '{}'],
    ['{"payload":null,"z":[]}', ['payload'], 'null'],
    ['{"a":{"b":{"c":-0.0}}}', ['a', 'b', 'c'], '-0.0'],
    ['{"a":{"b":1},"c":{"b":2}}', ['a', 'b'], '1'],
    ['{"a":{"b":1},"a":{}}', ['a', 'b'], undefined],
    ['{"a":{"b":1},"a":5}', ['a', 'b'], undefined],
    ['{"a":{"c":{"b":1}}}', ['a', 'b'], undefined],
    ['{"a":[{"b":1}]}', ['a', 'b'], undefined],
    ['[{"a":{"b":1}}]', ['a', 'b'], undefined],
    ['{"b":{"a":1},"a":["b","b"]}', ['a', 'b'], undefined],
    ['{"a":{"b": 1 \n} }', ['a', 'b'], '1'],
    ['{"a":{"b": 1 , "c":2} }', ['a', 'b'], '1'],
    ['{"a":[1],"b":2}', ['a', 'b'], undefined],
    ['{"a":"b"}', ['a', 'b'], undefined],
    ['{}', ['a'], undefined],
    ['[1]', ['a'], undefined],
    ['{"b":1}', ['a'], undefined],
  ];
  test.each(cases)('%s at %p', (text, path, member) => {
    expect(lookInto(text, path).member).toBe(member as string);
  });
});

test('whatever JSON it is, member and depth are those of the value', () => {
  const random = new SeededRandom(7);
  const space = () => random.pick(['', '', ' ', '\n\t', '\r\n ']);
  const names = ['a', 'b', '"', '\\', 'é', '\u2028', '{', ']', 'payload'];

  /** A text, and how deep it is. */
  function value(room: number): [string, number] {
    const kind = room === 0 ? random.whole(0, 1) : random.whole(0, 3);
    if (kind === 0)
      return [random.pick(['0', '-1.5e9', 'true', 'null', '98765432109876543210']), 0];
    if (kind === 1) return [JSON.stringify(random.pick(names).repeat(random.whole(0, 3))), 0];
    const parts = Array.from({ length: random.whole(0, 4) }, () => value(room - 1));
    const depth = 1 + Math.max(0, ...parts.map(([, inner]) => inner));
    const texts = parts.map(([text]) => space() + text + space());
    if (kind === 2) return [`[${texts.join(',')}${space()}]`, depth];
    const members = texts.map(
      (text) => `${space()}${JSON.stringify(random.pick(names))}${space()}:${text}`,
    );
    return [`{${members.join(',')}${space()}}`, depth];
  }

  let found = 0;
  for (let n = 0; n < 3000; n++) {
    const [inner, depth] = value(4);
    const text = space() + inner + space();
    const parsed: unknown = JSON.parse(text);
    for (const name of names) {
      for (const path of [[name], [random.pick(names), name]]) {
        const expected = path.reduce(memberOf, parsed);
        const look = lookInto(text, path);
        expect(look.depth).toBe(depth);
        if (expected === undefined) expect(look.member).toBeUndefined();
        else {
          found += path.length;
          expect(JSON.parse(look.member!)).toEqual(expected as never);
          expect(look.member).toBe(look.member!.trim());
        }
      }
    }
  }
  expect(found).toBeGreaterThan(1_000);
});

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>)[name] : undefined;
}
