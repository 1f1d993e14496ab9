import { join } from 'node:path';
import {
  accountText,
  addAccount,
  noAccount,
  short,
  spreadOf,
  spreadText,
} from '../harness/report.ts';
import type { Section, Spread } from '../harness/report.ts';
import { startProcess } from '../harness/processes.ts';
import { runLoad } from '../harness/run-load.ts';
import { removeFolder, tempFolder } from '../harness/temp-folder.ts';
import { withServers } from './servers.ts';
import type { Size } from './size.ts';

/** Rings so long that nothing is pushed out, and the default of 8. */
const long = 'queue_max = 10000\nring_bytes_max = "1GB"\nkey_ring_bytes_max = "1GB"';
const variants = [
  { name: 'bursts of 64, rings of 10,000', perBurst: 64, gateway: long },
  { name: 'bursts of 64, rings of 8', perBurst: 64, gateway: '' },
  { name: 'one at a time, rings of 10,000', perBurst: 1, gateway: long },
  { name: 'one at a time, rings of 8', perBurst: 1, gateway: '' },
];

/** How many messages a second can be queued, each committed with an fsync before its answer? */
export async function queueing(size: Size): Promise<Section> {
  const account = noAccount();
  const rows: string[][] = [];
  const ratios: Spread[] = [];
  for (const { name, perBurst, gateway } of variants) {
    const queued: number[] = [];
    const alone: number[] = [];
    for (let round = 0; round < size.rounds; round++) {
      await withServers(
        ['subject'],
        async ([target]) => {
          for (let pair = 0; pair < size.pairs; pair++) {
            const { senders, pairMs: durationMs, warmMs } = size;
            const result = await runLoad({
              kind: 'queue',
              target: target!,
              senders,
              perBurst,
              durationMs,
              warmMs: pair === 0 ? warmMs : warmMs / 5,
            });
            queued.push(result.messagesPerSecond);
            addAccount(account, result.account);
            alone.push(await sqliteAlone(durationMs));
          }
        },
        gateway,
      );
    }
    const ratio = spreadOf(queued.map((rate, n) => rate / alone[n]!));
    ratios.push(ratio);
    rows.push([
      name,
      short(spreadOf(queued).median),
      short(spreadOf(alone).median),
      spreadText(ratio),
    ]);
  }
  return {
    title: `Relay: queueing at ${size.senders} senders`,
    method:
      'Each sender is a mod in a channel of its own, with no bot there; it sends a burst (or one message) and waits for all answers ("queued"). SQLite alone is one process on the same core that appends rows of the same text to a table without further keys, in transactions of 100, WAL, synchronous = FULL, on the same file system. The goal is judged by the first row: the method asks for bursts of 64, and SQLite alone writes every row. With rings of 8 most of a burst is pushed out before it is committed, and never written.',
    head: ['senders do', 'Moonstead messages/s', 'SQLite rows/s', 'ratio'],
    rows,
    goals: [
      {
        question: `queueing with fsync, ${size.senders} senders: messages a second`,
        against: 'SQLite alone, batches of 100',
        bound: 'at least',
        limit: 0.7,
        measured: ratios[0]!,
      },
    ],
    counted: accountText(account),
  };
}

/** Rows a second of SQLite alone, in a folder of its own beside the servers' folders. */
async function sqliteAlone(durationMs: number): Promise<number> {
  const folder = tempFolder();
  try {
    const program = join(import.meta.dir, 'sqlite-alone.ts');
    const child = startProcess([process.execPath, program, folder, String(durationMs)], 'server');
    const text = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
    return Number(text);
  } finally {
    removeFolder(folder);
  }
}
