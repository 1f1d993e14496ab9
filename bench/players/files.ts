import { spreadOf, spreadText, type Section } from '../harness/report.ts';
import { runLoad } from '../harness/run-load.ts';
import type { FileFigure, FileResult } from './file-job.ts';
import { withServers, type ServerKind } from './servers.ts';
import type { PlayersSize } from './size.ts';

const kinds: readonly ServerKind[] = ['subject', 'control', 'safe control'];
const mb = 2 ** 20;

/** How fast does a file go through the server, and what memory does it take? */
export async function files(size: PlayersSize): Promise<Section> {
  const { fileBytes, slow } = size;
  const results: FileResult[] = [];
  for (let pair = 0; pair < size.filePairs; pair++) {
    const result = await withServers(kinds, (targets) =>
      runLoad({ kind: 'players-file', targets, fileBytes, slow }),
    );
    if (new Set(result.told).size > 1) throw new Error(`not the same:\n${result.told.join('\n')}`);
    results.push(result);
  }
  const spread = (of: (result: FileResult) => number) => spreadOf(results.map(of));
  const against = (n: number) =>
    spread(({ fast }) => fast[0]!.bytesPerSecond / fast[n]!.bytesPerSecond);
  const aboveMb = (of: (result: FileResult) => FileFigure) =>
    spread((result) => of(result).aboveIdleBytes / mb);
  const row = (name: string, n: number) => [
    name,
    ...(['bytesPerSecond', 'toDiskPerSecond', 'fromDiskPerSecond'] as const).map((figure) =>
      (spread(({ fast }) => fast[n]![figure]).median / mb).toFixed(0),
    ),
    (spread(({ fast }) => fast[n]!.cpuNsPerMb).median / 1000).toFixed(0),
    n === 0 ? '' : spreadText(against(n)),
    spreadText(aboveMb(({ fast }) => fast[n]!)),
  ];
  const seconds = slow.durationMs / 1000;
  return {
    title: `Players: a file of ${fileBytes / mb} MB through the server`,
    method: `Protocol 2, sender to disk to receiver, who is online; frames of 256 KiB, timed from the sender's first word to the receiver's last byte; "to disk" until the sender is told that it was sent. The control does the same over the same frames with as little as can be, synchronously and without a hash; "safe control" hashes the file and syncs it before it says that it was sent, as Moonstead has to. MB of resident memory are the most in between, above what the process had before its first file. In the last row, a second file in the same process, the receiver reads 64 KB a second for ${seconds} s before it reads as fast as it can. Fresh processes for every pair.`,
    head: ['server', 'MB/s', 'to disk', 'from disk', 'CPU µs a MB', 'rate ratio', 'MB above idle'],
    rows: [
      row('Moonstead', 0),
      row('control', 1),
      row('safe control', 2),
      [
        'Moonstead, slow receiver',
        '',
        '',
        '',
        '',
        '',
        spreadText(aboveMb((result) => result.slow)),
      ],
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
        measured: aboveMb(({ fast }) => fast[0]!),
      },
      {
        question: 'the same, receiver slow at first: MB above idle',
        against: 'idle, in MB',
        bound: 'at most',
        limit: 64,
        measured: aboveMb((result) => result.slow),
      },
    ],
    counted: `Accounted for: ${results.reduce((sum, { bytes }) => sum + bytes, 0)} bytes of files sent, received and compared.`,
  };
}
