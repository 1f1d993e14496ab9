import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { Command } from './commands.ts';
import { labelOf } from './file-names.ts';
import type { Frame } from './frames.ts';
import { outcomeOf, shown } from './news.ts';
import type { Requests } from './requests.ts';

export interface ActionsOptions {
  requests: Pick<Requests, 'ask' | 'tell'>;
  sendFile: (user: string, path: string) => Promise<Frame>;
}

/** What became of a command, in a line if there is something to say. */
export interface Outcome {
  isDone: boolean;
  line?: string;
}

/** Does what was typed. `joined` are the channels that we are in. */
export function createActions({ requests, sendFile }: ActionsOptions) {
  const joined = new Set<string>();

  async function message(to: object, label: string, data: string): Promise<Outcome> {
    const msgId = randomUUID();
    const ack = await requests.ask(
      { type: 'message', ...to, data, msg_id: msgId },
      ({ type, msg_id: id }) => type === 'message_ack' && id === msgId,
    );
    const isDone = ack.status === 'completed' || ack.status === 'queued';
    return { isDone, line: `${label}: ${outcomeOf(ack)}` };
  }

  async function tell(frame: object, label: string): Promise<Outcome> {
    const answer = await requests.tell(frame);
    if (answer.type === 'pong') return { isDone: true };
    return { isDone: false, line: `${label}: ${outcomeOf(answer)}` };
  }

  async function send(user: string, path: string): Promise<Outcome> {
    const label = `to ${shown(user)}: ${labelOf(basename(path))}`;
    try {
      const answer = await sendFile(user, path);
      if (answer.type !== 'file_sent')
        return { isDone: false, line: `${label} is not sent: ${outcomeOf(answer)}` };
      const where = answer.delivered ? '' : ', and waits there for its receiver';
      return { isDone: true, line: `${label} is sent${where}` };
    } catch (error) {
      return { isDone: false, line: `${label} is not sent: ${shown((error as Error).message)}` };
    }
  }

  async function act(command: Command): Promise<Outcome> {
    switch (command.do) {
      case 'list':
        return tell({ type: 'list_online' }, 'list');
      case 'to':
        return message({ targetUserId: command.user }, `to ${shown(command.user)}`, command.text);
      case 'in':
        return message({ channel: command.channel }, `in ${shown(command.channel)}`, command.text);
      case 'join':
      case 'leave': {
        const { channel } = command;
        const answer = await tell({ type: command.do, channel }, `${command.do} ${shown(channel)}`);
        if (answer.isDone && command.do === 'join') joined.add(channel);
        else joined.delete(channel);
        return answer;
      }
      case 'link':
      case 'accept':
      case 'reject': {
        const type = { link: 'connect', accept: 'connect_accept', reject: 'connect_reject' };
        const frame = { type: type[command.do], targetUserId: command.user };
        return tell(frame, `${command.do} ${shown(command.user)}`);
      }
      case 'unlink':
        return tell({ type: 'disconnect' }, 'unlink');
      case 'send':
        return send(command.user, command.path);
      case 'hint':
        return { isDone: false, line: command.hint };
      default:
        return { isDone: true };
    }
  }

  return { act, joined };
}
