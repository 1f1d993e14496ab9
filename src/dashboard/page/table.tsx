import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

export interface Column<Row> {
  title: string;
  /** At least, in rem; what is left over is shared out by it. Columns never move with what they hold. */
  width: number;
  cell(row: Row): ComponentChildren;
  /** What to sort by; a column without it cannot be. */
  by?(row: Row): string | number;
  isNumber?: boolean;
}

interface Props<Row> {
  name: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf(row: Row): string;
  /** What to say when there is no row. */
  empty: string;
}

/** Of each row, in pixels; the style sheet keeps to it. */
const rowHeight = 36;
/** Rows above and below what is seen. */
const spare = 10;
const collator = new Intl.Collator('en', { numeric: true });

/** A table of any length: only the rows that are seen are in the page. */
export function Table<Row>({ name, rows, columns, keyOf, empty }: Props<Row>) {
  const [order, setOrder] = useState<{ at: number; isDown: boolean } | undefined>();
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const sizes = new ResizeObserver(([entry]) => setHeight(entry!.contentRect.height));
    sizes.observe(frame.current!);
    return () => sizes.disconnect();
  }, []);
  const sorted = useMemo(() => {
    const by = order && columns[order.at]?.by;
    if (by === undefined) return rows;
    const sign = order!.isDown ? -1 : 1;
    return rows.toSorted((a, b) => sign * compare(by(a), by(b)));
  }, [rows, columns, order]);
  const shownMax = Math.ceil(height / rowHeight) + 2 * spare;
  // A list that has become shorter is scrolled less far than it was.
  const first = Math.max(
    0,
    Math.min(Math.floor(top / rowHeight) - spare, sorted.length - shownMax),
  );
  const last = Math.min(sorted.length, first + shownMax);
  const sort = (at: number) =>
    setOrder((now) => ({ at, isDown: now?.at === at ? !now.isDown : false }));
  const widthMin = columns.reduce((sum, { width }) => sum + width, 0);

  return (
    <div
      class="scroll"
      ref={frame}
      tabIndex={0}
      role="region"
      aria-label={name}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <table aria-rowcount={sorted.length + 1} style={{ minWidth: `${widthMin}rem` }}>
        <colgroup>
          {columns.map(({ title, width }) => (
            <col key={title} style={{ width: `${(100 * width) / widthMin}%` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map(({ title, by, isNumber }, at) => (
              <th
                key={title}
                scope="col"
                class={isNumber ? 'number' : ''}
                aria-sort={order?.at !== at ? undefined : order.isDown ? 'descending' : 'ascending'}
              >
                {by === undefined ? title : <button onClick={() => sort(at)}>{title}</button>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Space rows={first} columns={columns.length} />
          {sorted.slice(first, last).map((row, i) => (
            <tr key={keyOf(row)} aria-rowindex={first + i + 2}>
              {columns.map(({ title, cell, isNumber }) => (
                <td key={title} class={isNumber ? 'number' : ''}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
          <Space rows={sorted.length - last} columns={columns.length} />
        </tbody>
      </table>
      {sorted.length === 0 && <p class="empty">{empty}</p>}
    </div>
  );
}

/** What takes the place of rows that are not seen. */
function Space(props: { rows: number; columns: number }) {
  if (props.rows <= 0) return null;
  return (
    <tr aria-hidden="true" style={{ height: `${props.rows * rowHeight}px` }}>
      <td colSpan={props.columns} />
    </tr>
  );
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number'
    ? a - b
    : collator.compare(String(a), String(b));
}
