import type { TProperties, TSchema } from '@sinclair/typebox';

/**
 * What a part shows through the status API, and lets operators do there. A part that comes later
 * shows up by handing over its own. Reading is from memory and never waits.
 */
export interface Shown {
  meters: readonly Meter[];
  lists?: readonly List<any>[];
  pages?: readonly Page[];
  actions?: readonly Action[];
}

/** A number: `moonstead_<part>_<name>` in `/metrics`, `parts.<part>.<name>` in `/stats`. */
export interface Meter {
  /** With its unit at the end; that of a counter ends in `_total`. */
  name: string;
  /** One sentence. */
  help: string;
  kind: 'counter' | 'gauge';
  /** What `read` gives a number for each value of. Only for values that are few and ours. */
  label?: string;
  read(): number | Readonly<Record<string, number>>;
}

/** How long something took: tells it, in seconds, with the value of the label if there is one. */
export type Timing = (seconds: number, label?: string) => void;

/** Makes a histogram of `/metrics`, named like a `Meter`, its unit being seconds. */
export type MakeTiming = (
  part: string,
  about: { name: string; help: string; label?: string },
) => Timing;

/** `GET` of a list, in pages. */
export interface List<Item> {
  path: `/${string}`;
  summary: string;
  /** Of one entry. */
  entry: TSchema;
  items(): Iterable<Item>;
  /** Grows from each item to the next, and never changes: what a cursor stands for. */
  numberOf(item: Item): number;
  view(item: Item): object;
  filters: Readonly<Record<string, Filter<Item>>>;
  /** What stands beside the entries. */
  beside?: { fields: TProperties; read(): object };
}

/** A parameter that chooses entries. */
export interface Filter<Item> {
  summary: string;
  matches(item: Item, wanted: string): boolean;
  /** Those that match, in the order of the list, where that is known without looking at all. */
  items?(wanted: string): Iterable<Item>;
}

/** `GET` of one object. */
export interface Page {
  path: `/${string}`;
  summary: string;
  answer: TSchema;
  read(): object;
}

/** What an operator can do: needs a key of the role `admin`, and is journalled with its name. */
export interface Action {
  method: 'POST' | 'DELETE';
  /** Parameters as `{name}`. */
  path: `/${string}`;
  summary: string;
  /** Of a JSON body, if there is to be one. Never logged. */
  body?: TSchema;
  answer: TSchema;
  /** Undefined: it is not there. Rejects when the store does. */
  act(params: Readonly<Record<string, string>>, body: any): Promise<object | undefined>;
}
