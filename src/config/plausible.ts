import { shown } from './problem.ts';
import { childKey } from './read-value.ts';
import type { Mls } from './mls.ts';
import { singleKeyName, type Config } from './schema.ts';
import { relayKeys } from './relay-keys.ts';

/** Takes a problem between settings: the key that is named, the message, and the other key. */
export type ReportBetween = (key: string, message: string, other?: string) => void;

/** Reports what is wrong with config.toml though every single setting is right. */
export function checkConfig(config: Config, report: ReportBetween): void {
  const { gateway, players, server } = config;
  if ((server.tls.cert === '') !== (server.tls.key === '')) {
    const [missing, given] = server.tls.cert === '' ? ['cert', 'key'] : ['key', 'cert'];
    report(`server.tls.${missing}`, `must be set, as ${given} is`, `server.tls.${given}`);
  }
  for (const [name, part] of Object.entries({ gateway, players })) {
    if (part.slow_bytes >= part.too_slow_bytes) {
      report(`${name}.slow_bytes`, 'must be less than too_slow_bytes', `${name}.too_slow_bytes`);
    }
    if (part.ping_interval >= part.read_deadline) {
      report(`${name}.ping_interval`, 'must be less than read_deadline', `${name}.read_deadline`);
    }
  }
  if (gateway.key_ring_bytes_max > gateway.ring_bytes_max) {
    report(
      'gateway.key_ring_bytes_max',
      'must not be more than ring_bytes_max',
      'gateway.ring_bytes_max',
    );
  }
  if (players.sender_ring_bytes_max > players.ring_bytes_max) {
    report(
      'players.sender_ring_bytes_max',
      'must not be more than ring_bytes_max',
      'players.ring_bytes_max',
    );
  }
  const { max_file_mb, user_quota_mb, total_quota_mb } = players.files;
  if (max_file_mb > user_quota_mb) {
    report(
      'players.files.max_file_mb',
      'must not be more than user_quota_mb',
      'players.files.user_quota_mb',
    );
  }
  if (user_quota_mb > total_quota_mb) {
    report(
      'players.files.user_quota_mb',
      'must not be more than total_quota_mb',
      'players.files.total_quota_mb',
    );
  }
  if (relayKeys(config).length === 0) {
    report('gateway.websocket', 'must not be empty without [[gateway.keys]]');
  }
  const single = { name: singleKeyName, key: gateway.websocket };
  checkKeys('gateway.keys', gateway.keys, [single], report);
  checkKeys('api.keys', config.api.keys, [], report);
}

/** No two keys of a list may have a name or the key itself in common. */
function checkKeys(
  where: string,
  keys: readonly { name: string; key: string }[],
  reserved: readonly { name: string; key: string }[],
  report: ReportBetween,
): void {
  const names = new Set(reserved.map(({ name }) => name));
  const secrets = new Set(reserved.map(({ key }) => key));
  keys.forEach(({ name, key }, index) => {
    if (names.has(name)) report(`${where}[${index}].name`, 'is taken by another key');
    if (secrets.has(key)) report(`${where}[${index}].key`, 'is the same as that of another name');
    names.add(name);
    secrets.add(key);
  });
}

/** Reports what is wrong with mls.json though every single key is right. */
export function checkMls(mls: Mls, report: ReportBetween): void {
  if (mls.gone_after > mls.forget_after) {
    report('gone_after', 'must not be more than forget_after', 'forget_after');
  }
  if (mls.task_body_mb > mls.bodies_mb) {
    report('task_body_mb', 'must not be more than bodies_mb', 'bodies_mb');
  }
  if (mls.eject_time > mls.eject_time_max) {
    report('eject_time', 'must not be more than eject_time_max', 'eject_time_max');
  }
  if (new Set(mls.tokens).size < mls.tokens.length) report('tokens', 'must not repeat a token');
  if (new Set(mls.task_keys).size < mls.task_keys.length) {
    report('task_keys', 'must not repeat a key');
  }
  checkPaths(mls, report);
  checkRegions(mls.region_hierarchy, report);
}

/** A path, or a folder with everything below it. */
interface Claim {
  key: string;
  path: string;
  folder?: boolean;
}

/** The routes that have no setting, on whatever listener the parts come to share. */
const routes: Claim[] = [
  ...['/sync', '/auth', '/player', '/health', '/ready', '/metrics', '/task/request'],
  ...['/client/heartbeat', '/status', '/clients', '/region', '/workers', '/tasks', '/logs'],
  ...['/events/recent', '/stats', '/server_info', '/uptime', '/version', '/ping', '/live'],
  '/broadcast',
].map((path) => ({ key: 'a route of the server', path }));

const folders: Claim[] = ['/api', '/swagger', '/sessions', '/players', '/relay', '/users'].map(
  (path) => ({ key: 'routes of the server', path, folder: true }),
);

function checkPaths({ ws, html }: Mls, report: ReportBetween): void {
  const claims: Claim[] = [];
  if (ws.enabled) claims.push({ key: 'ws.path', path: ws.path });
  if (html.enabled) {
    claims.push({ key: 'html.static_path', path: html.static_path, folder: true });
    claims.push({ key: 'html.index_path', path: html.index_path });
    if (html.dashboard_path !== html.index_path) {
      claims.push({ key: 'html.dashboard_path', path: html.dashboard_path });
    }
  }
  const taken = [...routes, ...folders];
  for (const claim of claims) {
    const other = taken.find((other) => holds(other, claim) || holds(claim, other));
    if (other) report(claim.key, `collides with ${other.key} (${other.path})`, other.key);
    else taken.push(claim);
  }
}

function holds({ path, folder }: Claim, other: Claim): boolean {
  if (path === other.path) return true;
  return folder === true && other.path.startsWith(path === '/' ? '/' : `${path}/`);
}

/** Every region must end at one that has nothing above it. */
function checkRegions(parents: Readonly<Record<string, string>>, report: ReportBetween): void {
  const seen = new Set<string>();
  for (const start of Object.keys(parents)) {
    const way = new Set<string>();
    let region: string | undefined = start;
    while (region !== undefined && !seen.has(region)) {
      seen.add(region);
      way.add(region);
      region = Object.hasOwn(parents, region) ? parents[region] : undefined;
    }
    if (region === undefined || !way.has(region)) continue;
    const names = [...way];
    const loop = names.slice(names.indexOf(region));
    const shownLoop = [...loop, region].map((name) => shown(name)).join(' -> ');
    report(
      childKey('region_hierarchy', region),
      loop.length === 1
        ? 'must not be its own parent'
        : `must not lead back to itself: ${shownLoop}`,
    );
  }
}
