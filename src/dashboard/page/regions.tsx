import { useMemo } from 'preact/hooks';
import type { Worker } from './workers.tsx';

/** Child to parent, as `/region` tells it. */
export type Hierarchy = Readonly<Record<string, string>>;

interface Region {
  name: string;
  healthy: number;
  all: number;
  below: Region[];
}

/** A region and all that lie in it. */
export function regionsWithin(hierarchy: Hierarchy, name: string): Set<string> {
  const within = new Set([name]);
  for (let size = 0; size < within.size;) {
    size = within.size;
    for (const [child, parent] of Object.entries(hierarchy))
      if (within.has(parent)) within.add(child);
  }
  return within;
}

/** The regions with workers in or below them, as a tree; numbers count those below, too. */
function treeOf(workers: readonly Worker[], hierarchy: Hierarchy): Region[] {
  const regions = new Map<string, Region>();
  const roots: Region[] = [];
  function regionOf(name: string): Region {
    const known = regions.get(name);
    if (known !== undefined) return known;
    const region: Region = { name, healthy: 0, all: 0, below: [] };
    regions.set(name, region);
    const parent = Object.hasOwn(hierarchy, name) ? hierarchy[name] : undefined;
    (parent === undefined ? roots : regionOf(parent).below).push(region);
    return region;
  }
  for (const { region, health } of workers)
    for (let name: string | undefined = region; name !== undefined;) {
      const one = regionOf(name);
      one.all += 1;
      if (health === 'healthy') one.healthy += 1;
      name = Object.hasOwn(hierarchy, name) ? hierarchy[name] : undefined;
    }
  return sorted(roots);
}

function sorted(regions: Region[]): Region[] {
  for (const { below } of regions) sorted(below);
  return regions.sort((a, b) => a.name.localeCompare(b.name));
}

interface Props {
  workers: readonly Worker[];
  hierarchy: Hierarchy;
  chosen: string | undefined;
  choose(name: string | undefined): void;
}

export function Regions({ workers, hierarchy, chosen, choose }: Props) {
  const roots = useMemo(() => treeOf(workers, hierarchy), [workers, hierarchy]);
  const branch = (regions: readonly Region[]) => (
    <ul>
      {regions.map(({ name, healthy, all, below }) => (
        <li key={name}>
          <button
            aria-pressed={chosen === name}
            onClick={() => choose(chosen === name ? undefined : name)}
          >
            <span>{name}</span>
            <span class={`count ${healthy === 0 ? 'bad' : healthy < all ? 'warn' : ''}`}>
              {healthy}/{all}
            </span>
          </button>
          {below.length > 0 && branch(below)}
        </li>
      ))}
    </ul>
  );
  return (
    <nav class="tree" aria-label="Regions">
      <h3>Regions</h3>
      {roots.length === 0 ? (
        <p class="empty">–</p>
      ) : (
        <>
          {branch(roots)}
          <p class="hint">Healthy of all, with those in the regions below.</p>
        </>
      )}
    </nav>
  );
}
