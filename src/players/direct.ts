import { addressGroup } from '../access/networks.ts';
import { Delivery } from '../delivery/delivery.ts';
import type { DeliveryPorts } from '../delivery/ports.ts';
import { putAway } from '../delivery/put-away.ts';
import { Rings } from '../delivery/rings.ts';
import type { Clock } from '../sockets/ports.ts';
import type { RingStore } from '../store/store.ts';
import { AwayRings } from './away-rings.ts';
import type { Figures } from './figures.ts';
import { encodeAck } from './messages.ts';
import type { PlayerSeat } from './seat.ts';

export interface DirectLimits {
  queueMax: number;
  ringsMax: number;
  ringBytesMax: number;
  senderRingBytesMax: number;
  awayRingsPerSender: number;
  awayRingsPerAddress: number;
  receiptIntervalMs: number;
  slowBytes: number;
  tooSlowBytes: number;
  unreceiptedMax: number;
}

/** What each bound is called in the settings. */
const settings = {
  rowsMax: 'players.queue_max',
  ringsMax: 'players.rings_max',
  bytesMax: 'players.ring_bytes_max',
  ownerBytesMax: 'players.sender_ring_bytes_max',
};
const ringPrefix = 'players/u/';

/** Messages from user to user, with the delivery promise: a lane and a ring for each user. */
export class Direct {
  readonly delivery: Delivery;
  readonly rings: Rings;
  private readonly away: AwayRings;

  constructor(
    private readonly ports: Pick<DeliveryPorts, 'clock' | 'topics' | 'tooSlow' | 'report'> & {
      clock: Clock;
      rings: RingStore;
      figures: Figures;
      isOnline(userId: string): boolean;
    },
    limits: DirectLimits,
  ) {
    const { clock } = ports;
    this.away = new AwayRings(limits.awayRingsPerSender, limits.awayRingsPerAddress);
    this.rings = new Rings(
      ports.rings,
      clock,
      {
        rowsMax: limits.queueMax,
        ringsMax: limits.ringsMax,
        bytesMax: limits.ringBytesMax,
        ownerBytesMax: limits.senderRingBytesMax,
        settings,
      },
      {
        emptied: (ring) => this.delivery.emptied(ring),
        counted: (ring, owner, by) => this.away.counted(ring, owner, by),
      },
    );
    // A message says when it was sent, whenever it arrives.
    const restamp = (text: string) => text;
    this.delivery = new Delivery({ ...ports, restamp, rings: this.rings }, limits, { ringPrefix });
  }

  /** Takes over what an earlier run left in the store. */
  async begin(): Promise<void> {
    this.delivery.begin(await this.rings.load(ringPrefix));
    for (const name of this.rings.names())
      for (const { owner } of this.rings.get(name)!.rows) this.away.filled(name, owner);
  }

  /** Sends or queues it, and answers its sender now or when it is known what became of it. */
  send(
    { userId, address, answers }: PlayerSeat,
    target: string,
    text: string,
    msgId: string,
  ): void {
    const { delivery } = this;
    const lane = delivery.lane(target);
    if (delivery.publish(lane, text, userId)) return answers.now(encodeAck(msgId, 'completed'));
    const isAway = !this.ports.isOnline(target);
    const from = isAway ? addressGroup(address) : '';
    const bound = isAway ? this.away.brokenBy(lane.ring, userId, from) : undefined;
    if (bound !== undefined) {
      delivery.emptied(lane.ring);
      this.ports.figures.failed += 1;
      return answers.now(encodeAck(msgId, 'failed', bound));
    }
    let ready: string | undefined;
    let answer = (early: string) => {
      ready = early;
    };
    const over = delivery.queue(lane, text, userId, (outcome) => {
      const why = outcome === 'failed' ? 'not stored' : undefined;
      answer(encodeAck(msgId, outcome, why));
    });
    if (isAway && over === undefined) this.away.filled(lane.ring, userId, from);
    if (over !== undefined) answers.now(encodeAck(msgId, 'failed', over));
    else if (ready !== undefined) answers.now(ready);
    else answer = answers.later();
  }

  /** Before a stop; how many acknowledged messages the store refused until the end. */
  putAway(budgetMs: number): Promise<number> {
    const { clock } = this.ports;
    return putAway({ sides: [this.delivery], rings: this.rings, clock }, budgetMs);
  }
}
