import { expect, test } from 'bun:test';
import { Fault, PlayerFrames } from '../../src/players/messages.ts';

const frames = new PlayerFrames({ idLengthMax: 8, jsonDepthMax: 4, charsMax: 200 });
const faultOf = (text: string) => {
  const read = frames.read(text);
  return read instanceof Fault ? read.detail : undefined;
};

test('the data of a message stays the text that it was', () => {
  const read = frames.read('{"type":"message","channel":"c","data": {"n":1e400,"n":-0.10} }');
  expect(read).toMatchObject({ type: 'message', channel: 'c', data: '{"n":1e400,"n":-0.10}' });
});

test('data may be any JSON, null too, but must be there', () => {
  for (const data of ['null', 'false', '0', '""', '[]'])
    expect(frames.read(`{"type":"message","channel":"c","data":${data}}`)).toMatchObject({ data });
  expect(faultOf('{"type":"message","channel":"c"}')).toStartWith('data:');
});

test('a message is for a user or for a channel, never for both or none', () => {
  for (const to of ['', '"targetUserId":"a","channel":"b",'])
    expect(faultOf(`{"type":"message",${to}"data":1}`)).toBe(
      'targetUserId or channel: one of them',
    );
});

test('fields that nobody knows are ignored', () => {
  expect(faultOf('{"type":"ping","more":1}')).toBeUndefined();
});

test('what is broken is refused in words', () => {
  const broken: [string, string][] = [
    ['', 'not JSON'],
    ['{"type":"ping"', 'not JSON'],
    ['null', 'type:'],
    ['5', 'type:'],
    ['[]', 'type:'],
    ['{}', 'type:'],
    ['{"type":"constructor"}', 'type:'],
    ['{"type":["ping"]}', 'type:'],
    ['{"type":"ping","x":[[[[[]]]]]}', 'deeper than'],
    [`{"type":"ping","x":"${'x'.repeat(200)}"}`, 'longer than'],
    ['{"type":"connect"}', 'targetUserId:'],
    ['{"type":"connect","targetUserId":""}', 'targetUserId:'],
    [`{"type":"connect","targetUserId":"${'x'.repeat(65)}"}`, 'targetUserId:'],
    ['{"type":"join","channel":"ninechars"}', 'channel:'],
    ['{"type":"session_auth"}', 'token:'],
    ['{"type":"session_auth","token":"t","protocol":3}', 'protocol:'],
    ['{"type":"session_auth","token":"t","protocol":"2"}', 'protocol:'],
  ];
  for (const [text, fault] of broken)
    expect([text, faultOf(text)?.startsWith(fault)]).toEqual([text, true]);
});
