import type { Elysia } from 'elysia';
import { dashboardApp } from './dashboard/app.ts';
import { buildPage } from './dashboard/build.ts';
import type { Mls } from './config/mls.ts';

/** The page on the listener of the tasks, if it is switched on. */
export function dashboardRoutes({ html }: Mls): Elysia | undefined {
  if (!html.enabled) return undefined;
  const pages = [...new Set([html.index_path, html.dashboard_path])];
  return dashboardApp({ pages, files: html.static_path }, buildPage) as unknown as Elysia;
}
