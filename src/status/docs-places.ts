import type { Server } from './document.ts';

/** The routes of an app, and where they are. */
export interface Mounted {
  app: { readonly routes: readonly { method: string; path: string; hooks: unknown }[] };
  /** What its paths begin with, beyond those of the document. */
  prefix: string;
  on: readonly Listener[];
}

/** Its server is there once requests are. */
export interface Listener {
  readonly server: { readonly port?: number | undefined; readonly protocol: string | null };
}

/** What is known of operations by their names, such as `get /sessions/{id}`. */
export interface Places {
  of: ReadonlyMap<string, readonly Pick<Mounted, 'prefix' | 'on'>[]>;
  /** What is to be said where one operation hides another. */
  notes: ReadonlyMap<string, string>;
}

interface Detail {
  hide?: boolean;
  tags?: string[];
  summary?: string;
}

/** Of two apps with one route and no prefix the later has it. */
export function placesOf(mounted: readonly Mounted[]): Places {
  const of = new Map<string, Pick<Mounted, 'prefix' | 'on'>[]>();
  const notes = new Map<string, string>();
  const details = new Map<string, Detail>();
  for (const { app, prefix, on } of mounted)
    for (const { method, path, hooks } of app.routes) {
      const detail = (hooks as { detail?: Detail } | undefined)?.detail ?? {};
      if (detail.hide === true) continue;
      const template = path.slice(prefix.length).replace(/:(\w+)/g, '{$1}');
      const name = `${method.toLowerCase()} ${template}`;
      if (prefix !== '') {
        of.get(name)?.push({ prefix, on });
        continue;
      }
      const hidden = details.get(name);
      if (hidden !== undefined)
        notes.set(
          name,
          `The listener of the ${hidden.tags?.[0]}, if it is another one, has something else at this path. ${hidden.summary}`,
        );
      of.set(name, [{ prefix, on }]);
      details.set(name, detail);
    }
  return { of, notes };
}

/**
 * Listeners as who sent this `Host` reaches them. Behind a proxy, which the port shows, nobody here
 * knows how the document's own listener is called; then it is told as relative.
 */
export function urlsFor(host: string | null, own: Listener): (place: Listener) => string {
  const [, name = 'localhost', port] =
    /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d+))?$/i.exec(host ?? '') ?? [];
  const isDirect = Number(port ?? standardPorts[own.server.protocol ?? 'http']) === own.server.port;
  return (listener) =>
    !isDirect && listener.server.port === own.server.port
      ? ''
      : `${listener.server.protocol ?? 'http'}://${name}:${listener.server.port}`;
}

const standardPorts: Record<string, number> = { http: 80, https: 443 };

/** Each server once, the document's own first. */
export function serversOf(
  places: readonly Pick<Mounted, 'prefix' | 'on'>[],
  own: Listener,
  urlOf: (listener: Listener) => string,
): Server[] {
  const urls = places.flatMap(({ prefix, on }) => on.map((one) => `${urlOf(one)}${prefix}` || '/'));
  const ownUrl = urlOf(own) || '/';
  const ordered = urls.includes(ownUrl) ? [ownUrl, ...urls] : urls;
  return [...new Set(ordered)].map((url) => ({ url }));
}
