import type { Files } from '../../src/players/transfer-ports.ts';
import type { RecordStore } from '../../src/store/store.ts';
import type { TransfersObserver } from './transfers-observer.ts';

/** Files of which the observer sees what goes. */
export function watchedFiles(files: Files, observer: TransfersObserver): Files {
  return {
    ...files,
    remove: async (id) => {
      observer.removed(id);
      await files.remove(id);
    },
  };
}

/** Records of which the observer sees what is committed, before the core does. */
export function watchedRecords(records: RecordStore, observer: TransfersObserver): RecordStore {
  return {
    all: (set) => records.all(set),
    put: async (set, added) => {
      await records.put(set, added);
      for (const { key, text } of added) observer.committed(key, text);
    },
    drop: async (set, keys) => {
      await records.drop(set, keys);
      for (const key of keys) observer.dropped(key);
    },
  };
}
