import {
  accountText,
  addAccount,
  noAccount,
  short,
  spreadOf,
  spreadText,
} from '../harness/report.ts';
import type { Goal, Section } from '../harness/report.ts';
import type { TurnsFigure } from '../harness/turns.ts';
import { duel } from './duel.ts';
import { missing, type ServerKind } from './servers.ts';
import type { Size } from './size.ts';

/** What does it cost to pass a bot's message on to every mod of its channel? */
export async function fanOut(size: Size): Promise<Section> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  const account = noAccount();
  const peers: ServerKind[] = size.peers ? ['nats', 'ws', 'socket.io'] : [];

  for (const receivers of size.receivers) {
    const row = (name: string, figures: TurnsFigure[], ratios: string[]) => {
      const of = (pick: (figure: TurnsFigure) => number) => spreadOf(figures.map(pick)).median;
      rows.push([
        String(receivers),
        name,
        of((figure) => figure.cpuNsEach / receivers).toFixed(0),
        short(of((figure) => figure.perSecond * receivers)),
        `${(of((figure) => figure.busy) * 100).toFixed(0)} %`,
        ...ratios,
      ]);
    };

    const again = await duel(['control', 'control'], size, 'bot', receivers);
    addAccount(account, again.account);
    const subject = await duel(['subject', 'control'], size, 'bot', receivers);
    addAccount(account, subject.account);
    row('Moonstead', subject.first, ['', '']);
    row('control', subject.second, [spreadText(subject.cpuRatio), spreadText(subject.rateRatio)]);
    row('control against itself', again.first, [
      spreadText(again.cpuRatio),
      spreadText(again.rateRatio),
    ]);
    goals.push({
      question: `relay, bot to ${receivers}: CPU a ${receivers === 1 ? 'message' : 'delivery'}`,
      against: 'control',
      bound: 'at most',
      limit: receivers === 1 ? 1.1 : 1.05,
      measured: subject.cpuRatio,
    });

    for (const peer of peers) {
      const why = missing(peer);
      const result = why === undefined && (await duel(['subject', peer], size, 'bot', receivers));
      if (result) {
        row(peer, result.second, [spreadText(result.cpuRatio), spreadText(result.rateRatio)]);
        addAccount(account, result.account);
      } else rows.push([String(receivers), peer, '', '', '', `missing: ${why}`, '']);
      if (receivers === 1 || peer === 'socket.io') continue;
      goals.push({
        question: `relay, bot to ${receivers}: ${peer === 'nats' ? 'CPU a delivery' : 'deliveries a second'}`,
        against: peer,
        bound: peer === 'nats' ? 'at most' : 'at least',
        limit: peer === 'nats' ? 1.2 : 7,
        measured: result ? (peer === 'nats' ? result.cpuRatio : result.rateRatio) : why!,
      });
    }
  }
  return {
    title: 'Relay: a bot to 1, 20 and 100 mods, acknowledged',
    method:
      'Bursts of 64 messages in one segment, the next when all deliveries and acknowledgements of the last are back, the two servers of a pair in turns of some milliseconds. CPU is user and system time of the server process for one delivery, its share of the message and the acknowledgement in it. "Core" is how busy the server\'s core was during its turns: below 100 % the load was the slower one. Ratios are Moonstead divided by the row: median (lowest to highest) over the pairs. The row "control against itself" is two control processes, and says how far a ratio can be trusted.',
    head: ['mods', 'server', 'CPU ns', 'deliveries/s', 'core', 'CPU ratio', 'rate ratio'],
    rows,
    goals,
    counted: accountText(account),
  };
}
