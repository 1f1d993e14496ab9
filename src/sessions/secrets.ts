import { createHash, randomBytes } from 'node:crypto';
import type { Secrets } from './secrets-port.ts';

/** argon2id with the first of the two parameter sets that OWASP recommends (19 MiB, 2 passes). */
export const secrets: Secrets = {
  newToken: () => randomBytes(32).toString('base64url'),
  digest: (token) => createHash('sha256').update(token).digest('base64url'),
  hash: (secret) =>
    Bun.password.hash(secret, { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 }),
  verify: (secret, hash) => Bun.password.verify(secret, hash),
};
