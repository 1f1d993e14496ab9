import { spawnSync } from 'bun';
import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { pinned } from './processes.ts';

const fileSystems: Record<number, string> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
};

const loadAtStart = loadavg()[0]!;

/** The machine, the versions and the date, as a list in Markdown. */
export function machine(): string {
  const version = (command: string, flag = '--version') => {
    const path = Bun.which(command) ?? Bun.which(command, { PATH: '/usr/sbin' });
    if (path === null) return 'missing';
    const { stdout, stderr } = spawnSync([path, flag]);
    const text = `${stdout}${stderr}`;
    return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim();
  };
  const cores = cpus();
  const magic = statfsSync(tmpdir()).type;
  return [
    `- ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `- ${cores[0]?.model ?? 'unknown CPU'}, ${cores.length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
    `- ${pinned ? 'servers and load pinned to a core each' : 'one core for servers and load: figures disturb each other'}; load average at the start ${loadAtStart.toFixed(2)}`,
    `- temporary files on ${fileSystems[magic] ?? `file system 0x${magic.toString(16)}`}`,
    `- Bun ${Bun.version}, Node ${version('node')}, ws ${packageVersion('ws')}, socket.io ${packageVersion('socket.io')}, nats-server ${version('nats-server')}, nginx ${version('nginx', '-v')}, haproxy ${version('haproxy', '-v')}`,
  ].join('\n');
}

function packageVersion(name: string): string {
  try {
    return require(`${name}/package.json`).version;
  } catch {
    return 'missing';
  }
}
