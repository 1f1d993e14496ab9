import { afterAll } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '../../src/store/memory.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { storeContract } from './contract.ts';

const root = mkdtempSync(join(tmpdir(), 'moonstead-store-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;

storeContract('memory', async () => memoryStore());
storeContract('sqlite', () => openSqliteStore({ folder: join(root, `${++folders}`) }));
