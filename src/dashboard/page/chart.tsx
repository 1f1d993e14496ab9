import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { shownSeconds } from './lines.ts';
import { axisText, minuteText, rateText } from './text.ts';

interface Props {
  name: string;
  /** In s since 1970. */
  times: number[];
  values: (number | null)[];
  /** The custom property of the style sheet that has its colour. */
  color: string;
}

const height = 160;
/** Room for a word beneath a line, in pixels. */
const wordRoom = { x: 60, y: 28 };

/**
 * A line over the last 15 minutes, however few of them it has. What it shows is in words beside it, so
 * readers of screens skip it.
 */
export function Chart({ name, times, values, color }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [pointed, setPointed] = useState('');
  useEffect(() => {
    const options = optionsFor(place.current!, name, color, (plot) => {
      const at = plot.cursor.idx;
      const value = at == null ? undefined : plot.data[1]![at];
      setPointed(
        value == null ? '' : `${rateText(value)} at ${minuteText(plot.data[0]![at!]! * 1000)}`,
      );
    });
    const made = new uPlot(options, [times, values], place.current!);
    plot.current = made;
    const sizes = new ResizeObserver(([entry]) =>
      made.setSize({ width: Math.floor(entry!.contentRect.width), height }),
    );
    sizes.observe(place.current!);
    // Colours are read from the style sheet while it draws.
    const redraw = () => made.redraw();
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const system = matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', redraw);
    return () => {
      sizes.disconnect();
      theme.disconnect();
      system.removeEventListener('change', redraw);
      made.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData([times, values]), [times, values]);
  return (
    <div class="chart" aria-hidden="true">
      <div ref={place} />
      <span class="pointed">{pointed}</span>
    </div>
  );
}

function optionsFor(
  place: HTMLElement,
  name: string,
  color: string,
  point: (plot: uPlot) => void,
): uPlot.Options {
  const colorOf = (property: string) => getComputedStyle(place).getPropertyValue(property).trim();
  const axis = {
    stroke: () => colorOf('--dim'),
    grid: { stroke: () => colorOf('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  const lastMinutes = (plot: uPlot): [number, number] => {
    const end = plot.data[0].at(-1) ?? Date.now() / 1000;
    return [end - shownSeconds, end];
  };
  return {
    width: place.clientWidth,
    height,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    hooks: { setCursor: [point] },
    scales: {
      x: { range: lastMinutes },
      y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.15)] },
    },
    axes: [
      {
        ...axis,
        size: wordRoom.y,
        space: wordRoom.x,
        incrs: [60, 120, 180, 300],
        values: (_, all) => all.map((one) => minuteText(one * 1000)),
      },
      { ...axis, size: 44, space: 32, values: (_, all) => all.map(axisText) },
    ],
    series: [
      {},
      {
        label: name,
        stroke: () => colorOf(color),
        fill: () => `${colorOf(color)}22`,
        width: 2,
        points: { show: false },
      },
    ],
  };
}
