/** What the sessions need of cryptography. */
export interface Secrets {
  /** 256 random bits, base64url. */
  newToken(): string;
  /** SHA-256 of a token: all that is kept of it. */
  digest(token: string): string;
  /** argon2id, in the format of the PHC. Takes some 50 ms in another thread. */
  hash(secret: string): Promise<string>;
  verify(secret: string, hash: string): Promise<boolean>;
}
