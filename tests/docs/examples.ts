/** Ids, tokens, times and latencies of a page are only examples: what came takes their place. */

/** Ids of a page, by what they really are. */
export type RealIds = Map<string, string>;

const uuid = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;
const token = /(?<![\w-])[\w-]{43}(?![\w-])/;
const transferId = /(?<![\w-])[0-9a-f]{32}(?![\w-])/;
const kinds = [uuid, time, token, transferId];
const example = new RegExp(kinds.map(({ source }) => source).join('|'), 'g');
const kindOf = (text: string | undefined) => kinds.find((kind) => kind.test(text ?? ''));

/**
 * The page's value as it has to be, given what came: another id, token or time stands wherever the
 * page has one, the same where the page has the same, and a positive number for `p50` and `p95`.
 */
export function filled(documented: unknown, got: unknown, ids: RealIds, name = ''): unknown {
  if (typeof documented === 'string')
    return typeof got === 'string' ? filledText(documented, got, ids) : documented;
  if (typeof documented === 'number')
    return /^p\d\d$/.test(name) && typeof got === 'number' && got > 0 ? got : documented;
  if (typeof documented !== 'object' || documented === null) return documented;
  const at = (key: string) => (got as Record<string, unknown> | null | undefined)?.[key];
  const entries = Object.entries(documented).map(
    ([key, value]) => [key, filled(value, at(key), ids, key)] as const,
  );
  return Array.isArray(documented)
    ? entries.map(([, value]) => value)
    : Object.fromEntries(entries);
}

/** The page's text with the ids that are known by now. */
export function withRealIds(text: string, ids: RealIds): string {
  return text.replace(example, (one) => ids.get(one) ?? one);
}

function filledText(documented: string, got: string, ids: RealIds): string {
  const shown = documented.match(example) ?? [];
  const came = got.match(example) ?? [];
  let at = 0;
  return documented.replace(example, (one) => {
    const real = came[at++]!;
    if (shown.length !== came.length || kindOf(one) !== kindOf(real)) return one;
    if (kindOf(one) === time) return real;
    if (!ids.has(one) && ![...ids.values()].includes(real)) ids.set(one, real);
    return ids.get(one) ?? one;
  });
}
