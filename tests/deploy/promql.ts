/** What an expression of PromQL reads: its metrics, and labels by which it groups or matches them. */
export interface Expression {
  reads: Read[];
  groupings: string[];
}

export interface Read {
  metric: string;
  matchers: Matcher[];
}

export interface Matcher {
  label: string;
  how: '=' | '!=' | '=~' | '!~';
  value: string;
}

/** Texts, ranges in brackets, numbers and durations, names, operators; other signs stand alone. */
const tokens = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\d[\w.]*|[A-Za-z_:][\w:]*|[=!]~|[!=<>]=|[^\s"]/g;

const operators = ['and', 'or', 'unless', 'bool', 'offset'];
const beforeLabels = ['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'];
/** As far as ours need them: a name that is misspelt is no function of these. */
const functions = [
  ...['sum', 'max', 'min', 'avg', 'count', 'topk'],
  ...['rate', 'increase', 'resets', 'deriv', 'avg_over_time', 'max_over_time'],
  ...['histogram_quantile', 'time'],
];

/** Takes an expression apart; throws where it does not understand it. */
export function readExpression(text: string): Expression {
  const words: string[] = text.match(tokens) ?? [];
  if (words.join('') !== text.replace(/("(?:[^"\\]|\\.)*"|\[[^\]]*\])|\s+/g, '$1'))
    throw new Error(`cannot be read: ${text}`);
  const found: Expression = { reads: [], groupings: [] };
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const next = words[at + 1];
    if (!/^[A-Za-z_:]/.test(word) || operators.includes(word)) continue;
    if (beforeLabels.includes(word)) {
      const end = words.indexOf(')', at);
      if (next !== '(' || end < 0) throw new Error(`no labels behind ${word}: ${text}`);
      found.groupings.push(...words.slice(at + 2, end).filter((one) => one !== ','));
      at = end;
    } else if (next === '(' || next === 'by' || next === 'without') {
      if (!functions.includes(word)) throw new Error(`not a function: ${word}`);
    } else if (next === '{') {
      const end = words.indexOf('}', at);
      if (end < 0) throw new Error(`no end of the labels of ${word}: ${text}`);
      found.reads.push({ metric: word, matchers: matchersOf(words.slice(at + 2, end)) });
      at = end;
    } else {
      found.reads.push({ metric: word, matchers: [] });
    }
  }
  return found;
}

function matchersOf(words: readonly string[]): Matcher[] {
  const matchers: Matcher[] = [];
  for (let at = 0; at < words.length; at += 4) {
    const [label, how, value, comma = ','] = words.slice(at);
    if (value === undefined || !/^(?:!=|[=!]~|=)$/.test(how!) || comma !== ',')
      throw new Error(`not matchers: ${words.join(' ')}`);
    matchers.push({ label: label!, how: how as Matcher['how'], value: JSON.parse(value) });
  }
  return matchers;
}
