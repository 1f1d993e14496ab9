import { Type, type Static } from '@sinclair/typebox';
import { Create } from '@sinclair/typebox/value';
import { networkProblem } from '../access/networks.ts';
import { duration, flag, item, list, number, oneOf, port, size, text, whole } from './setting.ts';
import {
  folderProblem,
  hostHeaderProblem,
  hostProblem,
  keyProblem,
  nameProblem,
  originProblem,
  partHostProblem,
} from './words.ts';

/** The relay's key in the source document: public, so nobody but this machine may be let in by it. */
export const exampleKey = 'gateway';

/** The key in the examples of `[[gateway.keys]]` and `[[api.keys]]`: as public. */
export const exampleKeyOfList = 'a-long-random-text';

/** What the API key of `gateway.websocket` is called where keys are told apart by their names. */
export const singleKeyName = 'websocket';

const partHost = text('Address that this part listens on; empty: the one of [server].', '', {
  refuse: partHostProblem,
});

const keyName = Type.String({
  description: 'What the key is called in logs and figures.',
  refuse: nameProblem,
});

const key = Type.String({ description: 'The key itself.', secret: true, refuse: keyProblem });

const server = Type.Object({
  host: text('Address that every part listens on; 127.0.0.1 is this machine only.', '127.0.0.1', {
    refuse: hostProblem,
  }),
  data_dir: text('Folder of the database and of files in transfer.', 'data', {
    refuse: folderProblem,
  }),
  instance_name: text('Name of this server, as players see it.', 'moonstead', {
    refuse: nameProblem,
  }),
  trusted_proxies: list(
    'Addresses and networks whose X-Forwarded-For and Forwarded headers are believed.',
    item({ refuse: networkProblem }),
  ),
  allowed_origins: list(
    'Origins of web pages on other hosts that may connect, such as "https://example.org".',
    item({ refuse: originProblem }),
  ),
  allowed_hosts: list(
    'Host names, beside the loopback ones, that a listener on loopback answers to.',
    item({ refuse: hostHeaderProblem }),
  ),
  drain_timeout: duration('How long a stop may take to finish what is begun.', '10s', '0s', '10m'),
  log_level: oneOf(
    'The least that is printed; /logs and /live have all from info on.',
    ['debug', 'info', 'warn', 'error'],
    'info',
  ),
  sockets_per_address: whole('Sockets that one address may hold.', 256, 1, 1_000_000),
  sockets_max: whole(
    'Sockets in all; 0: what the limit of file descriptors leaves.',
    0,
    0,
    10_000_000,
  ),
  id_length_max: whole('Characters that an id or a name may have.', 128, 1, 4096),
  body_timeout: duration('How long the body of a request may take.', '10s', '1ms', '10m'),
  json_depth_max: whole('How deep JSON from outside may be nested.', 64, 4, 1000),
  journal_events: whole('Events that the journal keeps.', 10_000, 1, 1_000_000),
  tls: Type.Object({
    cert: text('File with the certificate chain (PEM); empty, like key: no TLS.', ''),
    key: text('File with the private key of cert (PEM).', '', { secret: true }),
  }),
});

const gateway = Type.Object({
  host: partHost,
  http_port: port('Port of the relay; 0: a free one.', 3333),
  websocket: text(
    'Key that mods and bots show, with every right; empty, or not set beside [[gateway.keys]]: only those keys count.',
    exampleKey,
    { secret: true, refuse: (key) => (key === '' ? undefined : keyProblem(key)) },
  ),
  body_size: whole('Largest message, in MB.', 2, 1, 1024),
  queue_max: whole(
    'Messages that wait for a recipient, for each channel and direction; 0: none.',
    8,
    0,
    10_000,
  ),
  handshake_timeout: duration(
    'How long a new connection may take to say who it is.',
    '60s',
    '1ms',
    '24h',
  ),
  ping_interval: duration('How often each socket is pinged.', '30s', '1ms', '24h'),
  read_deadline: duration(
    'How long a socket may be silent before it is taken for dead.',
    '60s',
    '1ms',
    '24h',
  ),
  bot_check_timeout: duration(
    'How long the connected bot has to show life when a second one comes.',
    '5s',
    '1ms',
    '10m',
  ),
  receipt_interval: duration(
    'How long a delivered message may be without a ping that asks for its receipt.',
    '100ms',
    '1ms',
    '10m',
  ),
  slow_bytes: size('Unsent bytes past which a socket is behind.', '1MB', '1B', '1GB'),
  too_slow_bytes: size('Unsent bytes past which a socket is closed.', '8MB', '2B', '2GB'),
  slow_timeout: duration('How long a socket may stay behind.', '10s', '1ms', '24h'),
  rate_limit: number('Messages a second that one connection may send; 0: any.', 0, 0, 1_000_000),
  rate_limit_timeout: duration(
    'How long a connection may keep sending too fast before it is closed.',
    '10s',
    '1ms',
    '24h',
  ),
  unacknowledged_max: whole(
    'Messages of one connection that may wait for their acknowledgement.',
    1024,
    1,
    1_000_000,
  ),
  waiting_frames_max: whole(
    'Frames that a second bot may send while the first is asked for life.',
    1024,
    1,
    1_000_000,
  ),
  rings_max: whole('Queues in all, each of one channel and direction.', 10_000, 1, 1_000_000),
  ring_bytes_max: size('Bytes in all queues.', '64MB', '1KB', '16GB'),
  key_ring_bytes_max: size('Bytes in the queues of one key.', '16MB', '1KB', '16GB'),
  unreceipted_bytes_max: size('Bytes delivered and not yet receipted.', '64MB', '1KB', '16GB'),
  keys: list(
    'Further keys, each with a name, and if need be a role (mod, bot) and channel patterns.',
    Type.Object({
      name: keyName,
      key,
      role: Type.Optional(oneOf('What it may connect as; none: both.', ['mod', 'bot'])),
      channels: Type.Optional(
        list(
          'Channels that it covers, * for any characters; none: every channel.',
          item({ refuse: nameProblem }),
          [],
          { minItems: 1, maxItems: 1000 },
        ),
      ),
    }),
  ),
});

const auth = Type.Object({
  host: partHost,
  port: Type.Optional(
    port('Port of the sessions; not set: the one of mls.json; 0: a free one.', 8080),
  ),
  session_ttl: duration('How long a session lives after its last use.', '24h', '1s', '365d'),
  require_secret: flag('Refuse users that have no secret.', false),
  max_sessions_per_user: whole('Sessions that one user may have.', 4, 1, 1000),
  sessions_max: whole('Sessions in all.', 100_000, 1, 10_000_000),
  claims_max: whole('Users that may have a secret.', 1_000_000, 1, 100_000_000),
  sessions_per_minute: whole('Sessions that one address may begin.', 600, 1, 1_000_000),
  guesses_per_user: whole('Wrong secrets of one address for one user.', 5, 1, 1000),
  guesses_per_address: whole('Wrong secrets of one address.', 20, 1, 100_000),
  guess_window: duration('After how long they are forgotten.', '15m', '1s', '24h'),
  hashes_at_once: whole('Secrets that are hashed at a time.', 2, 1, 64),
  hashes_waiting: whole('Secrets that wait for that.', 64, 0, 10_000),
  ping_interval: duration('How often a connection is pinged.', '30s', '1ms', '24h'),
  handshake_timeout: duration(
    'How long a new connection may take to say something valid.',
    '10s',
    '1ms',
    '24h',
  ),
});

const players = Type.Object({
  host: partHost,
  port: port('Port of the players; 0: a free one.', 9090),
  limit: whole('Players at a time.', 1000, 1, 1_000_000),
  queue_max: whole('Messages that wait for a user who is away; 0: none.', 64, 0, 10_000),
  reconnect_grace: duration(
    'How long a link outlives the socket of one of its ends.',
    '30s',
    '0s',
    '24h',
  ),
  handshake_timeout: duration(
    'How long a new player may take to authenticate.',
    '10s',
    '1ms',
    '24h',
  ),
  away_rings_per_sender: whole(
    'Queues of users who are away that one sender may fill.',
    100,
    0,
    1_000_000,
  ),
  away_rings_per_address: whole(
    'Queues of users who are away that all senders of one address may fill.',
    1000,
    0,
    1_000_000,
  ),
  rings_max: whole('Queues of users in all.', 10_000, 1, 1_000_000),
  ring_bytes_max: size('Bytes in all queues of users.', '64MB', '1KB', '16GB'),
  sender_ring_bytes_max: size('Bytes in all queues from one sender.', '4MB', '1KB', '16GB'),
  unauthenticated_max: whole(
    'Connections of one address that have not authenticated.',
    8,
    1,
    1_000_000,
  ),
  links_max: whole('Links of one user, and requests for them.', 64, 1, 10_000),
  channels_max: whole('Channels that one user may be in.', 64, 1, 10_000),
  message_bytes: size('Largest text frame.', '64KB', '1KB', '16MB'),
  unacknowledged_max: whole('Messages without an answer of one player.', 256, 1, 100_000),
  rate_limit: number('Frames a second of one player; 0: no limit.', 0, 0, 1_000_000),
  ping_interval: duration('How often a player is pinged.', '30s', '1ms', '24h'),
  read_deadline: duration('How long a player may give no sign.', '60s', '1ms', '24h'),
  receipt_interval: duration('How soon a receipt is asked for.', '100ms', '1ms', '1h'),
  slow_bytes: size('Unread bytes from which on a player is behind.', '1MB', '1KB', '1GB'),
  too_slow_bytes: size('Unread bytes at which it is closed.', '8MB', '1KB', '1GB'),
  slow_timeout: duration('How long it may be behind.', '60s', '1ms', '24h'),
  files: Type.Object({
    max_file_mb: whole('Largest file, in MB.', 100, 1, 1_048_576),
    legacy_mb: whole('Largest file of protocol 1, in MB; 0: none.', 16, 0, 1024),
    keep_hours: whole('Hours that a file waits for its receiver.', 72, 1, 8760),
    resume_hours: whole('Hours that a broken transfer waits for its sender.', 24, 1, 8760),
    stall_timeout: duration(
      'How long nothing may come of a file; of protocol 1, for each MB of it.',
      '60s',
      '100ms',
      '24h',
    ),
    transfers_per_user: whole('Transfers at a time of one user.', 4, 1, 1000),
    user_quota_mb: whole('Disk that the files of one user may take, in MB.', 1024, 1, 16_777_216),
    total_quota_mb: whole('Disk that all files may take, in MB.', 10_240, 1, 16_777_216),
    files_per_user: whole('Files of one sender that may wait.', 1000, 1, 1_000_000),
    files_max: whole('Files that may wait in all.', 20_000, 1, 10_000_000),
    min_free_mb: whole('What is left free on the disk, in MB.', 256, 0, 16_777_216),
    memory_bytes: size('Bytes of files that wait for the disk.', '32MB', '1MB', '16GB'),
  }),
});

const api = Type.Object({
  host: partHost,
  port: port('Port of the status API; 0: a free one.', 5000),
  public: flag('Anybody may read; what operators do needs a key all the same.', false),
  live_readers_max: whole('Readers of the live feed at a time.', 100, 0, 100_000),
  live_stall_timeout: duration(
    'How long one of them may take nothing before it is cut.',
    '30s',
    '100ms',
    '24h',
  ),
  swagger: flag('Serve the Swagger UI and the OpenAPI document.', true),
  keys: list(
    'Keys of the status API, each with a name and a role (read, admin).',
    Type.Object({
      name: keyName,
      key,
      role: oneOf('What it may do; admin may also read.', ['read', 'admin']),
    }),
  ),
});

/** Every setting of config.toml: type, default and one sentence. */
export const configSchema = Type.Object({ server, gateway, auth, players, api });

/**
 * config.toml as loaded: the file's own names, durations in milliseconds, sizes in bytes. Keys that
 * end in `_mb`, and `body_size`, are megabytes.
 */
export type Config = Static<typeof configSchema> & {
  /** Parts whose port is 0 share one free port; otherwise each takes its own. */
  sharedPort: boolean;
};

/** What counts with no file, no flag and no environment; `data_dir` is relative. */
export function defaultConfig(): Config {
  return { ...Create(configSchema), sharedPort: false };
}
