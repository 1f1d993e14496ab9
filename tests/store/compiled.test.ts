import { expect, test } from 'bun:test';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolders } from './folders.ts';

const newFolder = temporaryFolders();

test('a compiled binary has the thread of the store in it', async () => {
  const folder = newFolder();
  const elsewhere = newFolder();
  mkdirSync(join(folder, 'src'), { recursive: true });
  mkdirSync(elsewhere);
  cpSync(join(import.meta.dir, '../../src/store'), join(folder, 'src/store'), { recursive: true });
  writeFileSync(
    join(folder, 'src/main.ts'),
    `import { openSqliteStore } from './store/sqlite.ts';
     const store = await openSqliteStore({ folder: process.argv[2] ?? '' });
     await store.rings.put('r', [{ position: 1, text: 'kept', owner: 'a key', bytes: 4 }], 8);
     console.log(JSON.stringify(await store.rings.read('r', 0, 100)));
     await store.close();`,
  );
  const flags = '--compile --bytecode --format=esm --minify-whitespace --minify-syntax'.split(' ');
  const files = ['src/main.ts', 'src/store/worker.ts', '--outfile', 'app'];
  const build = Bun.spawn([process.execPath, 'build', ...flags, ...files], {
    cwd: folder,
    stdout: 'ignore',
    stderr: 'inherit',
  });
  expect(await build.exited).toBe(0);

  // Without its sources and from another folder, so that nothing is loaded from the disk.
  const binary = join(elsewhere, 'moonstead');
  cpSync(join(folder, 'app'), binary);
  const data = join(elsewhere, 'data');
  const app = Bun.spawn([binary, data], { cwd: elsewhere, stderr: 'inherit' });
  const said = await new Response(app.stdout).text();
  expect(JSON.parse(said)).toEqual([{ position: 1, text: 'kept', owner: 'a key', bytes: 4 }]);
  expect(await app.exited).toBe(0);
  expect(readdirSync(data).sort()).toEqual(['moonstead.db', 'moonstead.lock']);
});
