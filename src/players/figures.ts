import { playerRefusals } from './messages.ts';

export type RefusalName = keyof typeof playerRefusals;

/** What has happened since the start, but for what `src/delivery` counts of messages to users. */
export class Figures {
  /** Messages that were read, whatever became of them. */
  readonly messages = { user: 0, channel: 0 };
  /** Messages to channels: sendings, one for each recipient. */
  delivered = 0;
  /** Messages to channels where nobody was, and to users who are away that a bound kept out. */
  failed = 0;
  closedSlow = 0;
  /** By the names of the refusals. */
  readonly refused = Object.fromEntries(
    Object.keys(playerRefusals).map((name) => [name, 0]),
  ) as Record<RefusalName, number>;
}
