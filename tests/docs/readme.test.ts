import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json';
import { anchorsOf, blocksOf, markdownFiles, read, root, tableOf, unquoted } from './markdown.ts';

const readme = read('README.md');

test('the versions of Bun agree: packageManager is the one place', () => {
  const [, version] = /^bun@(\d+\.\d+\.\d+)$/.exec(packageJson.packageManager) ?? [];
  expect(packageJson.engines.bun).toBe(`>=${version}`);
  expect(packageJson.devDependencies['bun-types']).toBe(version!);
  const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)];
  for (const page of pages.filter((name) => name.endsWith('.md'))) {
    const named = [...read(page).matchAll(/bun@([\w.]+)/g)].map((match) => match[1]);
    expect([page, named.filter((one) => one !== version)]).toEqual([page, []]);
  }
  expect(readme).toContain(`Bun](https://bun.sh) ${version} `);
});

test('.ci/run takes its version of Bun from packageManager and runs the commands of the README', () => {
  const script = read('.ci/run');
  expect(script).not.toMatch(/bun@\d/);
  expect(script).toContain('npx --yes $(node -p \'require("./package.json").packageManager\')');
  const commands = blocksOf(readme).flatMap(({ text }) =>
    [...text.matchAll(/npx --yes bun@\S+ (\w.*?)(?: &&|$)/gm)].map((match) => match[1]!),
  );
  expect(commands).toEqual(['install --frozen-lockfile', 'run start', 'run test']);
  const steps = commands.filter((command) => command !== 'run start');
  expect(steps.filter((command) => !script.includes(`$bun ${command}`))).toEqual([]);
});

test('every script that a document runs exists', () => {
  for (const file of markdownFiles()) {
    const scripts = [...read(file).matchAll(/\bbun run (?:--\S+ )*([\w:]+)/g)].map(
      ([, name]) => name!,
    );
    expect([file, scripts.filter((name) => !(name in packageJson.scripts))]).toEqual([file, []]);
  }
});

test('every file that a command of the README runs exists', () => {
  const files = [...readme.matchAll(/\bbun (\S+\.ts)/g)].map((match) => match[1]!);
  expect(files.length).toBeGreaterThan(1);
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

test('the promise of the acknowledgements stands in the README', () => {
  expect(tableOf(readme, 'the sender was told', 'what holds')).toEqual([
    {
      'the sender was told': '`queued`',
      'what holds':
        'committed to the store, with an fsync, before the answer left. It survives kill -9 and ' +
        'power loss until a recipient has received it or newer messages pushed it out (the ring ' +
        'holds the newest `queue_max` of its channel)',
    },
    {
      'the sender was told': '`completed`',
      'what holds':
        'handed to the socket of at least one recipient that was connected and keeping up. Should ' +
        'that connection turn out to be dead (it ends with no pong behind the message), the ' +
        'message joins the ring and is delivered to the next one, within the same `queue_max`; ' +
        'until it has joined it lives in memory, so a crash of Moonstead itself in between loses it',
    },
    { 'the sender was told': '`failed`', 'what holds': 'neither delivered nor stored' },
    {
      'the sender was told': 'nothing (connection lost)',
      'what holds': 'unknown: send again with the same `msg_id`',
    },
  ]);
});

describe('help', () => {
  const { stdout } = Bun.spawnSync([process.execPath, 'src/main.ts', 'help'], { cwd: root });
  const help = stdout.toString();
  const operations = read('docs/operations.md');

  test('lists the words and flags of docs/operations.md, and no others', () => {
    const listed = [...help.matchAll(/^ {2}moonstead \[?(\w+)/gm)].map((match) => match[1]!);
    expect(tableOf(operations, 'word', 'what it does').map(({ word }) => unquoted(word!))).toEqual(
      listed,
    );
    const flags = [...help.matchAll(/^ {2}(--[\w-]+ \w+)/gm)].map((match) => match[1]!);
    expect(tableOf(operations, 'flag', 'what it sets').map(({ flag }) => unquoted(flag!))).toEqual(
      flags,
    );
  });

  test('lists every word that the README gives to start', () => {
    const words = [...readme.matchAll(/run start (\w+)/g)].map((match) => match[1]!);
    expect(words).toEqual(['init', 'check']);
    for (const word of words) expect(help).toMatch(new RegExp(`^  moonstead ${word} `, 'm'));
  });
});

test("the newest version of the changelog is the package's, and no page names another", () => {
  const versions = [...read('CHANGELOG.md').matchAll(/^## \[(\d.*?)\]/gm)].map(
    (match) => match[1]!,
  );
  expect(versions[0]).toBe(packageJson.version);
  for (const page of markdownFiles()) {
    const named = [...read(page).matchAll(/\b[Vv]ersion (\d+\.\d+\.\d+)/g)].map(([, one]) => one!);
    expect([page, named.filter((one) => one !== versions[0])]).toEqual([page, []]);
  }
});

test.each(markdownFiles())('every link in %s leads somewhere', (file) => {
  const text = read(file).replace(/^```[^]*?^```$/gm, '');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  const broken = links.filter((link) => {
    if (/^https:\/\//.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : join(dirname(file), path);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('decisions are numbered without gaps, and each has its context, decision and cost', () => {
  const names = readdirSync(join(root, 'docs/decisions')).sort();
  names.forEach((name, i) => {
    expect(name).toMatch(new RegExp(`^${String(i + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`));
    const text = read(`docs/decisions/${name}`);
    expect(text).toStartWith(`# ${i + 1}. `);
    for (const part of ['**Context.**', '**Decision.**', '**What it costs.**'])
      expect([name, text.includes(part)]).toEqual([name, true]);
  });
});

test('every dependency of the server has its reason written down', () => {
  const page = read('docs/decisions/0002-dependencies.md');
  const listed = tableOf(page, 'package', 'reason').map((row) => unquoted(row.package!));
  expect(listed.sort()).toEqual(Object.keys(packageJson.dependencies).sort());
});
