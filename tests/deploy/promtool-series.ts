/**
 * By metric and labels, values of two hours and a bit, one in two minutes, in the notation of
 * promtool: the first, and what each of the next adds.
 */
export type Series = Record<string, string>;

const of = (name: string, labels = '') =>
  `${name === 'up' ? name : `moonstead_${name}`}{job="moonstead"${labels && `, ${labels}`}}`;

const count = 67;
const always = (value: number) => `${value}x${count}`;
const growing = (perStep: number, from = 0) => `${from}+${perStep}x${count}`;

const mb = 1024 * 1024;
const bucket = (le: string) => of('store_commit_seconds_bucket', `le="${le}"`);
const outcome = (word: string) => of('tasks_requests_total', `outcome="${word}"`);

/** A server that is well and at work. */
export const healthy: Series = {
  [of('up')]: always(1),
  [of('server_store_trouble')]: always(0),
  [bucket('0.01')]: growing(100),
  [bucket('0.25')]: growing(100),
  [bucket('1')]: growing(100),
  [bucket('+Inf')]: growing(100),
  [of('server_store_bytes')]: growing(0.05 * mb, 10 * mb),
  [of('server_event_loop_lag_seconds')]: always(0.02),
  [of('server_resident_memory_bytes')]: always(120 * mb),
  [of('relay_closed_slow_total')]: growing(0.1),
  [of('players_closed_slow_total')]: growing(0.1),
  [of('relay_bot_connected')]: always(1),
  [of('relay_queued_messages')]: always(3),
  [of('relay_queued_bytes')]: always(3 * mb),
  [of('relay_queued_max_bytes')]: always(64 * mb),
  [of('players_queued_bytes')]: always(3 * mb),
  [of('players_queued_max_bytes')]: always(64 * mb),
  [of('relay_pushed_out_total')]: always(7),
  [of('relay_failed_total')]: always(7),
  [of('players_pushed_out_total')]: always(7),
  [of('players_refused_total', 'reason="server_full"')]: always(7),
  [of('players_refused_total', 'reason="bad_token"')]: growing(1),
  [of('players_files_failed_total', 'code="507"')]: always(7),
  [of('players_files_failed_total', 'code="404"')]: growing(1),
  [of('tasks_workers', 'health="healthy"')]: always(2),
  [of('tasks_workers', 'health="gone"')]: always(0),
  [outcome('answered')]: growing(600),
  [outcome('failed')]: growing(6),
  [outcome('no_worker')]: always(0),
  [outcome('bad_task_key')]: growing(0.5),
  [of('relay_refused_total', 'reason="bad_key"')]: growing(0.5),
  [of('sessions_refused_total', 'reason="wrong_secret"')]: growing(1),
  [of('sessions_refused_total', 'reason="too_many_guesses"')]: always(0),
};

/** By alert, what is otherwise when that one fires, and no other. */
export const firing: Record<string, Series> = {
  MoonsteadDown: { [of('up')]: always(0) },
  MoonsteadStoreTrouble: { [of('server_store_trouble')]: always(1) },
  MoonsteadSlowCommits: { [bucket('0.01')]: growing(90), [bucket('0.25')]: growing(95) },
  MoonsteadStoreGrowing: { [of('server_store_bytes')]: growing(mb, 600 * mb) },
  MoonsteadEventLoopLag: { [of('server_event_loop_lag_seconds')]: always(0.3) },
  MoonsteadMemoryHigh: { [of('server_resident_memory_bytes')]: always(1200 * mb) },
  MoonsteadSlowSocketsClosed: { [of('players_closed_slow_total')]: growing(3) },
  MoonsteadBotGone: { [of('relay_bot_connected')]: always(0) },
  MoonsteadRelayMessagesPushedOut: { [of('relay_pushed_out_total')]: growing(1) },
  MoonsteadRelayMessagesFailed: { [of('relay_failed_total')]: growing(1) },
  MoonsteadRelayRingsNearBound: { [of('relay_queued_bytes')]: always(60 * mb) },
  MoonsteadPlayersRingsNearBound: { [of('players_queued_bytes')]: always(60 * mb) },
  MoonsteadPlayersMessagesPushedOut: { [of('players_pushed_out_total')]: growing(1) },
  MoonsteadPlayersFull: { [of('players_refused_total', 'reason="server_full"')]: growing(1) },
  MoonsteadFilesNotStored: { [of('players_files_failed_total', 'code="507"')]: growing(1) },
  MoonsteadNoHealthyWorker: { [of('tasks_workers', 'health="healthy"')]: always(0) },
  MoonsteadTasksFailing: { [outcome('no_worker')]: growing(200) },
  MoonsteadLoginGuesses: {
    [of('sessions_refused_total', 'reason="too_many_guesses"')]: growing(5),
  },
  MoonsteadKeyGuesses: { [of('relay_refused_total', 'reason="bad_key"')]: growing(5) },
};
