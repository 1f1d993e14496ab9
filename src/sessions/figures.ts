import { sessionRefusals } from './messages.ts';

/** Why a session ended. */
export type Why = 'logout' | 'expired' | 'replaced' | 'revoked';
export type RefusalName = keyof typeof sessionRefusals;

/** What has happened since the start. */
export class Figures {
  begun = 0;
  readonly ended: Record<Why, number> = { logout: 0, expired: 0, replaced: 0, revoked: 0 };
  /** By the names of the refusals. */
  readonly refused = Object.fromEntries(
    Object.keys(sessionRefusals).map((name) => [name, 0]),
  ) as Record<RefusalName, number>;
}
