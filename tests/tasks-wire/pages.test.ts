import { afterEach, describe, expect, test } from 'bun:test';
import { Stage } from '../support/tasks.ts';

const stage = new Stage();

afterEach(() => stage.stop());

describe('the page', () => {
  test('is at / and at /dashboard, and loads nothing from elsewhere', async () => {
    await stage.start();
    for (const path of ['/', '/dashboard', '/?from=a', '/dashboard?a=b']) {
      const { status, headers, text } = await stage.get(path);
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(headers['content-security-policy']).toStartWith(
        "default-src 'none'; script-src 'self'",
      );
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(text).toStartWith('<!doctype html>');
      // The name of a namespace is no address to load from.
      expect(text.replace(/xmlns='[^']*'/, '')).not.toMatch(
        /<style|\b(?:style|on\w+)=|https?:|(?:src|href)="(?!\/static\/|data:)/i,
      );
    }
  });

  test('is where html.index_path and html.dashboard_path say, and nowhere else', async () => {
    await stage.start({ html: { index_path: '/home', dashboard_path: '/admin/board' } });
    for (const path of ['/home', '/admin/board'])
      expect((await stage.get(path)).text).toContain('Moonstead');
    for (const path of ['/', '/dashboard', '/admin', '/home/board'])
      expect((await stage.get(path)).status).toBe(404);
  });

  test('may have one path for both', async () => {
    await stage.start({ html: { index_path: '/', dashboard_path: '/' } });
    expect((await stage.get('/')).status).toBe(200);
    expect((await stage.get('/dashboard')).status).toBe(404);
  });

  test('is not there with html.enabled false; what programs read is', async () => {
    await stage.start({ html: { enabled: false } });
    for (const path of ['/', '/dashboard'])
      expect(await stage.get(path)).toMatchObject({
        status: 404,
        json: { error: { code: 'not_found', message: 'There is nothing at this path.' } },
      });
    for (const path of ['/status', '/clients', '/region'])
      expect((await stage.get(path)).headers['content-type']).toMatch(/^application\/json/);
    await stage.stillServes();
  });
});
