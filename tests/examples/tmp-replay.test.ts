import { afterEach, expect, test } from 'bun:test';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateLog } from './support/game-log.ts';
import { run, type Program } from './support/program.ts';
import { inFolder, until } from './support/until.ts';

const channel = '123';
const running: Program[] = [];

afterEach(async () => {
  for (const program of running.splice(0)) {
    program.signal('SIGKILL');
    await program.ended;
  }
});

function start(args: string[]): Program {
  const program = run(args, { RELAY_API_KEY: 'a-key-of-the-replay' });
  running.push(program);
  return program;
}

/** Starts the real server; port 0 takes a free one. */
async function startServer(folder: string, port: number) {
  const config = join(folder, 'config.toml');
  writeFileSync(config, '[gateway]\nwebsocket = "a-key-of-the-replay"\nqueue_max = 1000\n');
  const where = ['--config', config, '--data-dir', join(folder, 'data'), '--port', String(port)];
  const server = start(['/tmp/probe/fake-main.ts', 'start', ...where]);
  const url = () => /https?:\/\/127\.0\.0\.1:(\d+)/.exec(server.out());
  await until(
    () => url() !== null,
    () => `the server's URL; it said ${server.err()}`,
    20_000,
  );
  return { server, port: Number(url()![1]) };
}

test(
  'a crash and a restart of the relay lose, repeat and reorder nothing, in both directions',
  () =>
    inFolder(async (folder) => {
      const latest = join(folder, 'latest.log');
      const commandsFile = join(folder, 'commands');
      const log = generateLog(330, channel);
      const part = (from: number, to?: number) => log.lines.slice(from, to).join('\n');
      const said = Array.from({ length: 150 }, (_, number) => `reply ${number}`);
      const type = (from: number, to?: number) =>
        bot.type(
          said
            .slice(from, to)
            .map((text) => `${channel}: ${text}\n`)
            .join(''),
        );

      let { server, port } = await startServer(folder, 0);
      writeFileSync(latest, `${part(0, 200)}\n`);
      const link = ['--url', `http://127.0.0.1:${port}`, '--back-off-ms', '10'];
      const bot = start(['examples/console-bot/bot.ts', ...link, '--stay']);
      const files = ['--log', latest, '--commands', commandsFile, '--state', join(folder, 'state')];
      const mod = start([
        ...['examples/minecraft-log/mod.ts', ...link, ...files],
        ...['--channel', channel, '--from-start', '--poll-ms', '10'],
      ]);
      const commands = () =>
        existsSync(commandsFile) ? readFileSync(commandsFile, 'utf8').split('\n').slice(0, -1) : [];
      const state = () =>
        `all lines; the bot has ${bot.lines().length}, the server ${commands().length}\n` +
        `${bot.err()}\n${mod.err()}\n${server.err()}`;
      const printed = (count: number) => until(() => bot.lines().length >= count, state, 20_000);

      type(0, 70);
      await printed(50);
      server.signal('SIGKILL');
      await server.ended;
      appendFileSync(latest, `${part(200, 260)}\n${log.lines[260]!.slice(0, 30)}`);
      ({ server } = await startServer(folder, port));

      type(70, 130);
      await printed(180);
      server.signal('SIGTERM');
      appendFileSync(latest, `${log.lines[260]!.slice(30)}\n${part(261, 290)}\n`);
      expect(await server.ended).toEqual({ code: 0, signal: null });
      renameSync(latest, join(folder, '2025-12-08-1.log'));
      writeFileSync(latest, `${part(290)}\n`);
      ({ server } = await startServer(folder, port));

      type(130);
      await printed(log.printed.length);
      await until(() => commands().length >= said.length, state, 20_000);
      for (const client of [bot, mod]) {
        client.signal('SIGTERM');
        expect(await client.ended).toEqual({ code: 0, signal: null });
      }
      expect(bot.lines()).toEqual(log.printed);
      expect(commands()).toEqual(said.map((text) => `tellraw @a {"text":"<console> ${text}"}`));
    }),
  60_000,
);
