import { isLoopbackHost } from '../access/networks.ts';
import { formatSize } from './units.ts';
import { partAddress } from './listeners.ts';
import { exampleTokens, type Mls } from './mls.ts';
import type { Problem } from './problem.ts';
import { relayKeys } from './relay-keys.ts';
import { exampleKey, exampleKeyOfList, singleKeyName, type Config } from './schema.ts';

/** A part with what stands in some document for everybody to read. */
interface Exposed {
  host: string;
  hostKey: string;
  /** The settings that hold an example key. */
  examples: string[];
}

/** One line for each part with keys; those of the status API count beside the tasks, too. */
function parts(config: Config, mls: Mls): Exposed[] {
  const tasksAt = {
    host: partAddress('tasks', config, mls).host,
    hostKey: mls.host === '' ? 'server.host' : 'host',
  };
  const statusAt = {
    host: partAddress('status', config, mls).host,
    hostKey: config.api.host === '' ? 'server.host' : 'api.host',
  };
  const statusExamples = config.api.keys
    .filter(({ key }) => key === exampleKeyOfList)
    .map(({ name }) => `api.keys "${name}"`);
  return [
    {
      ...(isLoopbackHost(statusAt.host) ? tasksAt : statusAt),
      examples: statusExamples,
    },
    {
      host: partAddress('relay', config, mls).host,
      hostKey: config.gateway.host === '' ? 'server.host' : 'gateway.host',
      examples: relayExamples(config),
    },
    {
      ...tasksAt,
      examples: mls.tokens.some((token) => exampleTokens.includes(token)) ? ['tokens'] : [],
    },
  ];
}

/**
 * Why this configuration must not be started, though there is nothing wrong with it: keys that
 * everybody knows, where others than this machine could use them.
 */
export function unsafeToStart(config: Config, mls: Mls): Problem[] {
  const proxied = config.server.trusted_proxies.length > 0;
  return parts(config, mls).flatMap(({ host, hostKey, examples }) => {
    if (isLoopbackHost(host) && !proxied) return [];
    const why = isLoopbackHost(host)
      ? 'with server.trusted_proxies set'
      : `with ${hostKey} = "${host}"`;
    const message = `is an example key that everybody knows, ${why}; make your own with \`moonstead init\``;
    return examples.map((key) => ({ file: 'configuration', key, message }));
  });
}

/** What may be as it is but is said at the start, each in one sentence. */
export function startWarnings(config: Config, mls: Mls): string[] {
  const { body_size, too_slow_bytes } = config.gateway;
  const warnings = parts(config, mls)
    .filter(({ examples }) => examples.length > 0)
    .map(
      ({ host, examples }) =>
        `${examples.join(', ')}: an example key that everybody knows, good for trying things out ` +
        `on ${host}; make your own with \`moonstead init\`.`,
    );
  if (body_size * 1024 ** 2 > too_slow_bytes) {
    warnings.push(
      `gateway.body_size (${body_size}MB) is above too_slow_bytes (${formatSize(too_slow_bytes)}): ` +
        'a receiver of the largest message is closed as too slow.',
    );
  }
  const { keys, public: isPublic } = config.api;
  if (keys.length === 0 && !isPublic) {
    for (const [what, part] of [
      ['status API', 'status'],
      ['dashboard', 'tasks'],
    ] as const) {
      const { host } = partAddress(part, config, mls);
      if (!isLoopbackHost(host))
        warnings.push(`api.keys: none, so nobody can read the ${what} (it is on ${host}).`);
      else if (config.server.trusted_proxies.length > 0)
        warnings.push(
          `api.keys: none, so nobody can read the ${what} (server.trusted_proxies is set).`,
        );
    }
  }
  if (!config.auth.require_secret) {
    warnings.push(
      'auth.require_secret is off: who has bound no secret can be impersonated by anybody.',
    );
  }
  return warnings;
}

function relayExamples(config: Config): string[] {
  return relayKeys(config)
    .filter(({ key }) => key === exampleKey || key === exampleKeyOfList)
    .map(({ name }) => (name === singleKeyName ? 'gateway.websocket' : `gateway.keys "${name}"`));
}
