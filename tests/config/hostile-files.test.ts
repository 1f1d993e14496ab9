import { afterEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { problemText } from '../../src/config/problem.ts';
import { folderWith, loadIn, loadMls, loadToml, removeFolders, told } from './folder.ts';

afterEach(removeFolders);

describe('files that are none', () => {
  test('a folder in the place of a file is a problem, not a missing file', () => {
    const cwd = folderWith();
    mkdirSync(join(cwd, 'config.toml'));
    expect(told(loadIn(cwd))).toEqual([': is not a file']);
  });

  test('a pipe is refused without waiting for somebody to write to it', () => {
    const cwd = folderWith();
    expect(Bun.spawnSync(['mkfifo', join(cwd, 'mls.json')]).exitCode).toBe(0);
    expect(told(loadIn(cwd))).toEqual([': is not a file']);
  });

  test('links that lead in a circle are a problem', () => {
    const cwd = folderWith();
    symlinkSync('config.toml', join(cwd, 'config.toml'));
    expect(told(loadIn(cwd))).toEqual([': cannot be read (ELOOP)']);
  });

  test('a file without permission is a problem, not a missing file', () => {
    const cwd = folderWith({ 'config.toml': '' });
    chmodSync(cwd, 0o755);
    chmodSync(join(cwd, 'config.toml'), 0o000);
    const isRoot = process.geteuid!() === 0;
    if (isRoot) process.seteuid!(65_534);
    try {
      expect(told(loadIn(cwd))).toEqual([': cannot be read (EACCES)']);
    } finally {
      if (isRoot) process.seteuid!(0);
    }
  });

  test('a certificate that is not there is a problem where it is named', () => {
    const loaded = loadToml('[server.tls]\ncert = "no.pem"\nkey = "no.key"');
    expect(told(loaded)).toEqual([
      '2 server.tls.cert: must be a readable file',
      '3 server.tls.key: must be a readable file',
    ]);
  });
});

describe('bytes that are no text', () => {
  test('a file of more than 1 MB is not read', () => {
    expect(told(loadToml('#'.repeat(1024 * 1024 + 1)))).toEqual([': is larger than 1 MB']);
    expect(told(loadToml(`${'#'.repeat(1023)}\n`.repeat(1024)))).toEqual([]);
  });

  test('bytes that are not UTF-8 are told with their line', () => {
    const latin1 = Buffer.from('[server]\ninstance_name = "M\xfcnchen"\n', 'latin1');
    expect(told(loadToml(latin1))).toEqual(['2 : is not UTF-8']);
    expect(told(loadToml(Buffer.from('\ufeff[api]', 'utf16le')))).toEqual(['1 : is not UTF-8']);
  });

  test('a byte order mark and CRLF change nothing', () => {
    const cwd = folderWith({
      'config.toml': '\ufeff[api]\r\nport = 1\r\npublic = 1\r\n',
      'mls.json': '\ufeff{\r\n"port": 2,\r\n"retry_count": true}\r\n',
    });
    const loaded = loadIn(cwd);
    expect([loaded.config.api.port, loaded.mls.port]).toEqual([1, 2]);
    expect(told(loaded)).toEqual([
      '3 api.public: must be true or false, not 1',
      '3 retry_count: must be a whole number from 0 to 100, not true',
    ]);
  });

  test('NUL is a syntax error in both files', () => {
    const cwd = folderWith({ 'config.toml': '\n# \0', 'mls.json': '{"note":\n"\0"}' });
    const { problems } = loadIn(cwd);
    expect(problems.map(({ line }) => line)).toEqual([2, 2]);
  });
});

describe('syntax', () => {
  test.each([
    ['[gateway', 1],
    ['a = ', 1],
    ['[api]\nport = 1\nport = 2', 3],
    ['[api]\nport = 1\n\n[api]\npublic = true', 4],
    ['[api]\nport.x = 1\nport = 2', 3],
    ['__proto__ = 1\n[__proto__.x]', 2],
  ])('%j is told with its line', (toml, line) => {
    const { problems, config } = loadToml(toml);
    expect(problems.map((problem) => [problem.line, problem.key])).toEqual([[line, '']]);
    expect(config.api.port).toBe(5000);
  });

  test.each([
    ['', 1, 'Value expected'],
    ['{"port": 1,\n}', 2, 'Property name expected'],
    ['{\n// no\n}', 2, 'Invalid comment token'],
    ['{"port": 1}\n{}', 2, 'End of file expected'],
    ['{"port": 1,\n"port": 2}', 2, 'A name appears twice'],
    ['[]', 1, 'must be a JSON object'],
    ['null', 1, 'must be a JSON object'],
    ["{'port': 1}", 1, 'Invalid symbol'],
  ])('%j in mls.json is told with its line', (json, line, message) => {
    const { problems, mls } = loadIn(folderWith({ 'mls.json': json }));
    expect(problems.map((problem) => [problem.line, problem.message])).toEqual([[line, message]]);
    expect(mls.port).toBe(8080);
  });

  test('nesting without end is refused, not a crash', () => {
    const deep = '['.repeat(100_000);
    for (const text of [`a = ${deep}`, `a = ${deep}${']'.repeat(100_000)}`]) {
      expect(loadToml(text).problems).toHaveLength(1);
    }
    for (const text of [deep, `{"a": ${deep}${']'.repeat(100_000)}}`, '{"a":'.repeat(100_000)]) {
      expect(told(loadIn(folderWith({ 'mls.json': text })))).toEqual([
        ': nested too deeply, or too long',
      ]);
    }
    expect(told(loadToml(`${'a.'.repeat(100_000)}b = 1`))).toEqual(['1 a: is not a setting']);
  });

  test('ten thousand unknown keys are told within seconds', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `queue_mac${index} = 1`);
    const start = performance.now();
    expect(loadToml(`[gateway]\n${names.join('\n')}`).problems).toHaveLength(10_000);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('names with a meaning in JavaScript', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];

  test.each(names)('%s is an unknown key like any other', (name) => {
    const toml = `${name} = 1\n[server]\n${name} = { host = "0.0.0.0" }\n[[api.keys]]\n${name} = 1`;
    const { problems, config } = loadToml(toml);
    expect(problems.map(({ key, message }) => `${key} ${message}`)).toEqual([
      `${name} is not a setting`,
      `server.${name} is not a setting`,
      'api.keys[0].name is missing',
      'api.keys[0].key is missing',
      'api.keys[0].role is missing',
      `api.keys[0].${name} is not a setting`,
    ]);
    expect(config.server.host).toBe('127.0.0.1');
    expect(({} as { host?: string }).host).toBeUndefined();
  });

  test.each(names)('%s may be a region, and nothing inherits one', (name) => {
    const json = `{"region_hierarchy": {"${name}": "top", "b": "${name}"}}`;
    const { problems, mls } = loadIn(folderWith({ 'mls.json': json }));
    expect(problems).toEqual([]);
    expect(Object.entries(mls.region_hierarchy)).toEqual([
      [name, 'top'],
      ['b', name],
    ]);
    expect(loadMls({ region_hierarchy: {} }).mls.region_hierarchy[name]).toBeUndefined();
  });

  test('a key with line breaks and terminal codes is told on one line', () => {
    const [problem] = loadToml('"a\\u001b[2J\\nb" = 1').problems;
    expect(problemText(problem!)).toMatch(/config\.toml:1: "a\\u001b\[2J\\nb": is not a setting$/);
    const [long] = loadToml(`${'k'.repeat(10_000)} = 1`).problems;
    expect(long!.key.length).toBeLessThan(80);
  });
});
