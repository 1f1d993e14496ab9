/** For a server that nobody has come to yet. */
export function Welcome() {
  return (
    <section class="panel">
      <h3>Nobody has come yet</h3>
      <dl class="steps">
        <dt>Chat</dt>
        <dd>
          a bot and mods, by WebSocket at <code>/sync</code>
        </dd>
        <dt>Tasks</dt>
        <dd>
          workers at <code>/client/heartbeat</code> or by WebSocket, then{' '}
          <a href="#task">try one</a>
        </dd>
        <dt>Players</dt>
        <dd>
          a session at <code>/auth</code>, then <code>/player</code>
        </dd>
      </dl>
    </section>
  );
}
