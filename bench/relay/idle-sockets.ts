import { short, spreadOf, spreadText } from '../harness/report.ts';
import type { Goal, Section } from '../harness/report.ts';
import type { IdleResult } from '../harness/idle-job.ts';
import { runLoad } from '../harness/run-load.ts';
import { withServers, type ServerKind } from './servers.ts';
import type { Size } from './size.ts';

/** How much memory does a connection hold that says nothing? */
export async function idleSockets(size: Size): Promise<Section> {
  const read = (kind: ServerKind): Promise<IdleResult> =>
    withServers([kind], ([target]) =>
      runLoad({ kind: 'idle', target: target!, sockets: size.sockets, settleMs: size.settleMs }),
    );
  const subject: IdleResult[] = [];
  const control: IdleResult[] = [];
  const pairs = Math.min(5, size.rounds * size.pairs);
  for (let pair = 0; pair < pairs; pair++) {
    subject.push(await read('subject'));
    control.push(await read('control'));
  }
  const rows: string[][] = [];
  const goals: Goal[] = [];
  size.sockets.forEach((sockets, n) => {
    const each = (results: IdleResult[]) =>
      short(spreadOf(results.map((result) => result.bytesEach[n]!)).median);
    const ratio = spreadOf(
      subject.map((result, pair) => result.bytesEach[n]! / control[pair]!.bytesEach[n]!),
    );
    rows.push([String(sockets), each(subject), each(control), spreadText(ratio)]);
    if (n < size.sockets.length - 1) return;
    goals.push({
      question: `idle relay socket, ${sockets} of them: resident memory each`,
      against: 'control',
      bound: 'at most',
      limit: 1.5,
      measured: ratio,
    });
  });
  const base = (results: IdleResult[]) =>
    short(spreadOf(results.map((result) => result.baseBytes)).median);
  return {
    title: 'Relay: idle sockets',
    method: `Mods that have shaken hands, each in a channel of its own. Bytes of resident memory (VmRSS) a socket, above that with the first 50, once it has settled. The whole process with those 50: Moonstead ${base(subject)}, control ${base(control)}. Fresh processes for every pair.`,
    head: ['sockets', 'Moonstead bytes', 'control bytes', 'ratio'],
    rows,
    goals,
    counted: `Open at once in each of ${2 * pairs} processes: ${size.sockets.at(-1)} sockets; none was closed or sent anything.`,
  };
}
