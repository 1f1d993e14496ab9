import { useMemo, useState } from 'preact/hooks';
import { askAll, askRegions } from './api.ts';
import { Chooser, Filters, Trouble } from './filters.tsx';
import { usePolled } from './polled.ts';
import { Regions, regionsWithin } from './regions.tsx';
import { type Column, Table } from './table.tsx';
import { countText, msText, sinceText, withTimesText } from './text.ts';

export interface Worker {
  node_id: string;
  protocol: 'http' | 'websocket';
  region: string;
  weight: number;
  max_concurrency: number;
  health: 'healthy' | 'ejected' | 'gone';
  health_reason: string | null;
  in_flight: number;
  last_seen: string;
  latency_ms: { p50: number; p95: number } | null;
}

const workersMax = 20_000;
const healths = ['healthy', 'ejected', 'gone'];

const columns: Column<Worker>[] = [
  {
    title: 'Worker',
    width: 10.5,
    cell: ({ node_id, protocol }) => (
      <span title={`${node_id}, by ${protocol}`}>
        {node_id} {protocol === 'websocket' && <small>WS</small>}
      </span>
    ),
    by: ({ node_id }) => node_id,
  },
  {
    title: 'Region',
    width: 8.5,
    cell: ({ region }) => <span title={region}>{region}</span>,
    by: ({ region }) => region,
  },
  {
    title: 'Health',
    width: 19,
    cell: ({ health, health_reason }) => {
      const why = whyText(health_reason ?? '');
      return (
        <span class={`health ${health}`} title={why}>
          {health}
          {why !== '' && <small>{why}</small>}
        </span>
      );
    },
    by: ({ health }) => health,
  },
  {
    title: 'In flight',
    width: 6,
    isNumber: true,
    cell: ({ in_flight, max_concurrency }) => (
      <>
        {in_flight}
        {max_concurrency > 0 && <small> of {max_concurrency}</small>}
      </>
    ),
    by: ({ in_flight }) => in_flight,
  },
  {
    title: 'Weight',
    width: 5.4,
    isNumber: true,
    cell: ({ weight }) => weight,
    by: ({ weight }) => weight,
  },
  {
    title: 'Latency',
    width: 7.5,
    isNumber: true,
    cell: ({ latency_ms }) =>
      latency_ms === null ? (
        '–'
      ) : (
        <span title="median, and what 95 of 100 stay below">
          {msText(latency_ms.p50)} <small>{msText(latency_ms.p95)}</small>
        </span>
      ),
    by: ({ latency_ms }) => latency_ms?.p50 ?? -1,
  },
  {
    title: 'Seen',
    width: 5,
    isNumber: true,
    cell: ({ last_seen }) => sinceText(last_seen),
    by: ({ last_seen }) => -Date.parse(last_seen),
  },
];

/** In few words, with the time as it is here. */
const whyText = (reason: string) =>
  withTimesText(reason).replace(/ a trial from (\S+) on$/, ' trial at $1');

export function Workers() {
  const { value, trouble } = usePolled('workers', 5_000, async (signal) => {
    const [list, hierarchy] = await Promise.all([
      askAll<Worker>('/workers', workersMax, signal),
      askRegions(signal),
    ]);
    return { ...list, hierarchy };
  });
  const [text, setText] = useState('');
  const [health, setHealth] = useState('');
  const [region, setRegion] = useState<string | undefined>();
  const all = value?.items;
  const shown = useMemo(() => {
    const within = region === undefined ? undefined : regionsWithin(value!.hierarchy, region);
    const wanted = text.toLowerCase();
    return (all ?? []).filter(
      (one) =>
        (health === '' || one.health === health) &&
        (within === undefined || within.has(one.region)) &&
        `${one.node_id} ${one.region} ${one.protocol}`.toLowerCase().includes(wanted),
    );
  }, [all, text, health, region]);
  const cut = value?.isCut ? ', and more that are not shown' : '';

  return (
    <>
      <h2>Workers</h2>
      <Trouble why={trouble} />
      <Filters
        text={text}
        find={setText}
        count={`${countText(shown.length)} of ${countText(all?.length ?? 0)}${cut}`}
      >
        <Chooser
          name="Health"
          value={health}
          choices={[['', 'any'], ...healths.map((one) => [one, one] as const)]}
          choose={setHealth}
        />
      </Filters>
      <div class="beside">
        <Regions
          workers={all ?? []}
          hierarchy={value?.hierarchy ?? {}}
          chosen={region}
          choose={setRegion}
        />
        <Table
          name="Workers"
          rows={shown}
          columns={columns}
          keyOf={({ node_id }) => node_id}
          empty={
            all === undefined
              ? 'Loading…'
              : all.length > 0
                ? 'No worker is like that.'
                : 'No worker has registered. Those by HTTP send heartbeats to /client/heartbeat, those by WebSocket connect.'
          }
        />
      </div>
    </>
  );
}
