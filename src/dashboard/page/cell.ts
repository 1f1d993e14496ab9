import { useEffect, useState } from 'preact/hooks';

/** A value that views follow. */
export interface Cell<Value> {
  get(): Value;
  set(value: Value): void;
  follow(told: () => void): () => void;
}

export function cell<Value>(initial: Value): Cell<Value> {
  let value = initial;
  const followers = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(value, next)) return;
      value = next;
      for (const told of [...followers]) told();
    },
    follow(told) {
      followers.add(told);
      return () => followers.delete(told);
    },
  };
}

/** The value, and another rendering whenever it changes. */
export function useCell<Value>(one: Cell<Value>): Value {
  const [, again] = useState({});
  const value = one.get();
  useEffect(() => {
    // It may have changed since it was rendered, before there was anybody to be told.
    if (!Object.is(value, one.get())) again({});
    return one.follow(() => again({}));
  }, [one]);
  return value;
}
