/** Writes the example files at the top of the repository anew; then run `bun fmt mls.example.json`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleMls, exampleToml } from '../../src/config/example.ts';

const root = join(import.meta.dir, '../..');
writeFileSync(join(root, 'config.example.toml'), exampleToml());
writeFileSync(join(root, 'mls.example.json'), exampleMls());
