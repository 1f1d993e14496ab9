/** What one direction did since the start. Added to as it happens, read when somebody asks. */
export interface DeliveryCounts {
  /** Messages that were taken, whatever became of them. */
  messages: number;
  /** Sendings, one for each recipient. */
  delivered: number;
  /** Of these, of messages that somebody had been sent before and never confirmed. */
  deliveredAgain: number;
  /** Messages that joined a ring. */
  queued: number;
  /** Messages that were answered `failed`. */
  failed: number;
  /** Messages that waited and were dropped by an operator. */
  cleared: number;
  /** Pongs that were receipts. */
  receipts: number;
}

export function newCounts(): DeliveryCounts {
  return {
    messages: 0,
    delivered: 0,
    deliveredAgain: 0,
    queued: 0,
    failed: 0,
    cleared: 0,
    receipts: 0,
  };
}
