import { harmless } from '../console-bot/terminal.ts';
import type { Frame } from './frames.ts';

/**
 * What is printed of a frame that tells something, without anything that a terminal would obey;
 * undefined for all others.
 */
export function newsOf(frame: Frame): string[] | undefined {
  const user = shown(frame.fromUserId ?? frame.withUserId ?? frame.userId);
  switch (frame.type) {
    case 'user_list_update': {
      const users = (Array.isArray(frame.users) ? frame.users : []) as Frame[];
      return [`online: ${users.length}`, ...users.map((one) => `  ${named(one)}`)];
    }
    case 'user_joined':
      return [`${named(frame)} is here`];
    case 'user_left':
      return [`${user} has left`];
    case 'message':
      return [`<${user}> ${shown(frame.data)}`];
    case 'connect_request':
      return [`${user} asks for a link: accept ${user}, or reject ${user}`];
    case 'connect_accepted':
      return [`linked with ${user}`];
    case 'connect_rejected':
      return [`${user} wants no link`];
    case 'disconnected':
      return [`no link with ${user} any more`];
    default:
      return undefined;
  }
}

/** Text as it is, anything else as JSON. */
export function shown(value: unknown): string {
  return harmless(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
}

/** What became of a request, in words. */
export function outcomeOf({ type, status, message, detail }: Frame): string {
  if (type === 'lost') return 'no answer; it may not have arrived';
  return [status ?? message, detail]
    .filter((part) => part !== undefined)
    .map(shown)
    .join(': ');
}

function named({ userId, userName }: Frame): string {
  return userName === undefined ? shown(userId) : `${shown(userId)} (${shown(userName)})`;
}
