import { spreadOf, spreadText, type Section } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import { oneWayMs, type FileFigure, type FileResult } from './file-job.ts';
import { withServers, type ServerKind } from './servers.ts';
import type { PlayersSize } from './size.ts';

const kinds: readonly ServerKind[] = ['subject', 'control', 'safe control'];
const mb = 2 ** 20;

/** How fast does a file go through the server, and what memory does it take? */
export async function files(size: PlayersSize): Promise<Section> {
  const { fileBytes, slow } = size;
  const timeoutMs = 3 * 2 * oneWayMs(fileBytes) + slow.durationMs; // three files, there and back
  /** By pair, and in each by kind. */
  const results: FileResult[][] = [];
  for (let pair = 0; pair < size.filePairs; pair++) {
    const ofPair = await withServers(kinds, async (targets) => {
      const found: FileResult[] = [];
      for (let turn = 0; turn < kinds.length; turn++) {
        const n = (pair + turn) % kinds.length;
        const slowly = n === 0 ? { slow } : {};
        found[n] = await runLoad(
          { kind: 'players-file', target: targets[n]!, fileBytes, ...slowly },
          timeoutMs,
        );
      }
      return found;
    });
    const told = new Set(ofPair.map((result) => result.told));
    if (told.size > 1) throw new Error(`not the same:\n${[...told].join('\n')}`);
    results.push(ofPair);
  }
  const spread = (of: (result: FileResult[]) => number) => spreadOf(results.map(of));
  const against = (n: number) =>
    spread((pair) => pair[0]!.fast.bytesPerSecond / pair[n]!.fast.bytesPerSecond);
  const aboveMb = (of: (result: FileResult[]) => FileFigure) =>
    spread((result) => of(result).aboveIdleBytes / mb);
  const fast = (n: number) => (pair: FileResult[]) => pair[n]!.fast;
  const slowest = (pair: FileResult[]) => pair[0]!.slow!;
  const row = (name: string, n: number) => [
    name,
    ...(['bytesPerSecond', 'toDiskPerSecond', 'fromDiskPerSecond'] as const).map((figure) =>
      (spread((pair) => fast(n)(pair)[figure]).median / mb).toFixed(0),
    ),
    (spread((pair) => fast(n)(pair).cpuNsPerMb).median / 1000).toFixed(0),
    n === 0 ? '' : spreadText(against(n)),
    spreadText(aboveMb(fast(n))),
  ];
  const seconds = slow.durationMs / 1000;
  return {
    title: `Players: a file of ${fileBytes / mb} MB through the server`,
    method: `Protocol 2, sender to disk to receiver, who is online; frames of 256 KiB, timed from the sender's first word to the receiver's last byte; "to disk" until the sender is told that it was sent. The control does the same over the same frames with as little as can be, synchronously and without a hash; "safe control" hashes the file and syncs it before it says that it was sent, as Moonstead has to. MB of resident memory are the most in between, above what the process had before its first file. Each has sent one such file before the one that counts. In the last row, a third file in the same process, the receiver reads 64 KB a second for ${seconds} s before it reads as fast as it can. Fresh processes for every pair, and another of the three first.`,
    head: ['server', 'MB/s', 'to disk', 'from disk', 'CPU µs a MB', 'rate ratio', 'MB above idle'],
    rows: [
      row('Moonstead', 0),
      row('control', 1),
      row('safe control', 2),
      ['Moonstead, slow receiver', '', '', '', '', '', spreadText(aboveMb(slowest))],
    ],
    goals: [
      {
        question: `file of ${fileBytes / mb} MB: bytes a second`,
        against: 'control',
        bound: 'at least',
        limit: 0.7,
        measured: against(1),
      },
      {
        question: 'the same: MB of resident memory above idle',
        against: 'idle, in MB',
        bound: 'at most',
        limit: 64,
        measured: aboveMb(fast(0)),
      },
      {
        question: 'the same, receiver slow at first: MB above idle',
        against: 'idle, in MB',
        bound: 'at most',
        limit: 64,
        measured: aboveMb(slowest),
      },
    ],
    counted: `Accounted for: ${results.flat().reduce((sum, { bytes }) => sum + bytes, 0)} bytes of files sent, received and compared.`,
  };
}
