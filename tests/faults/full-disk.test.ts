import { expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Moonstead, until } from '../support/moonstead.ts';
import { modMessage, RelayClient } from '../support/relay-client.ts';
import { tmpfs } from '../support/tmpfs.ts';

const disk = tmpfs();

test.skipIf(disk.problem !== '')(
  `on a full disk messages fail, readiness says why, and both heal by themselves${disk.problem && ` (skipped: ${disk.problem})`}`,
  async () => {
    expect(disk.mount()).toBe('');
    const server = await Moonstead.start({ folder: disk.folder });
    const mod = await RelayClient.mod(server.sync());
    mod.say(modMessage('kept'));
    expect(await mod.next()).toMatchObject({ status: 'queued' });

    const filler = join(disk.folder, 'filler');
    try {
      writeFileSync(filler, Buffer.alloc(2 << 20));
    } catch {
      // As meant: it takes what there is.
    }
    const large = 'x'.repeat(200_000);
    mod.say(modMessage('lost', large));
    expect(await mod.next()).toEqual({
      status: 'failed',
      type: 'mod',
      msg_id: 'lost',
      detail: 'not stored',
    });
    const ready = () => fetch(`${server.http}/ready`);
    expect((await ready()).status).toBe(503);
    expect((await (await ready()).json()).reason).toContain('full');
    expect((await fetch(`${server.http}/health`)).status).toBe(200);

    rmSync(filler);
    await until('it to heal', async () => (await ready()).status === 200);
    mod.say(modMessage('again'));
    expect(await mod.next()).toMatchObject({ msg_id: 'again', status: 'queued' });
    const bot = await RelayClient.bot(server.sync());
    await until('the flush', () => bot.contents.length === 2);
    expect(bot.contents).toEqual(['kept', 'again']);
    expect(await server.stop()).toBe(0);
    disk.unmount();
    rmSync(disk.folder, { recursive: true });
  },
);
