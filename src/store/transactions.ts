import type { Database } from 'bun:sqlite';
import { recordsOf, rowsOf, type Answer, type Call, type Outcome } from './calls.ts';
import { schemaVersion } from './migrations.ts';
import { recordTable } from './records.ts';
import { ringTable } from './rings.ts';

/**
 * Gives what commits batches of calls to an open database, in their order: a batch is one
 * transaction, and when that fails each of its calls is one.
 */
export function transactions(db: Database): (calls: readonly Call[]) => Answer {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const changes = db.prepare<{ total: number }, []>('SELECT total_changes() AS total');
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const probe = db.prepare(`PRAGMA user_version = ${schemaVersion}`);
  const rings = ringTable(db);
  const records = recordTable(db);

  function run(call: Call): unknown {
    switch (call[0]) {
      case 'put':
        return rings.put(call[1].toWellFormed(), rowsOf(call[3]), call[2]);
      case 'drop':
        return rings.drop(call[1].toWellFormed(), call[2]);
      case 'read':
        return rings.read(call[1].toWellFormed(), call[2], call[3]);
      case 'index':
        return rings.index();
      case 'putRecords':
        return records.put(call[1], recordsOf(call[2]));
      case 'dropRecords':
        return records.drop(call[1], call[2]);
      case 'allRecords':
        return records.all(call[1]);
      case 'probe':
        probe.run();
    }
  }

  /** All of the calls in one transaction; throws, with nothing done, when one fails. */
  function together(calls: readonly Call[]): Answer {
    const before = changes.get()!.total;
    begin.run();
    try {
      const values = calls.map(run);
      rings.flush();
      // Only rows count as changes, and the probe writes none.
      const wrote = changes.get()!.total > before || calls.some(([what]) => what === 'probe');
      commit.run();
      rings.keep();
      const hasValue = values.some((value) => value !== undefined);
      return {
        outcomes: hasValue ? values.map((value) => ({ value })) : undefined,
        trouble: wrote ? null : undefined,
      };
    } catch (error) {
      rings.undo();
      if (db.inTransaction) rollback.run();
      throw error;
    }
  }

  /** Slow, and rare: only so can a failure be laid at one call's door, a full disk's too. */
  function oneByOne(calls: readonly Call[]): Answer {
    const outcomes: Outcome[] = [];
    let trouble: Answer['trouble'];
    freeTheLog();
    for (const call of calls) {
      try {
        const answer = together([call]);
        outcomes.push(answer.outcomes?.[0] ?? { value: undefined });
        if (answer.trouble === null) trouble = null;
      } catch (error) {
        const reason = reasonOf(error);
        outcomes.push({ failed: reason });
        if (isOurs(error)) trouble = reason;
      }
    }
    return { outcomes, trouble };
  }

  /** On a full disk: what the log holds often has its room in the database, then it begins anew. */
  function freeTheLog(): void {
    try {
      checkpoint.run();
    } catch {
      // What is really wrong is told by the calls that come now.
    }
  }

  return (calls) => {
    try {
      return together(calls);
    } catch {
      return oneByOne(calls);
    }
  };
}

function reasonOf(error: unknown): string {
  const { message, code } = error as { message: string; code?: string };
  return code ? `the store cannot do it: ${message} (${code})` : message;
}

/** Whether the failure is the store's (disk, file) and not one of the values that it was given. */
function isOurs(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && !/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH)/.test(code);
}
