import { memoryStore } from '../../src/store/memory.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { storeContract } from './contract.ts';
import { temporaryFolders } from './folders.ts';

const folder = temporaryFolders();

storeContract('memory', async () => memoryStore());
storeContract('sqlite', () => openSqliteStore({ folder: folder() }));
