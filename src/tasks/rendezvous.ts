/**
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights by -w / ln h): each key belongs
 * to the worker with the highest score. When a worker goes, only its own keys move; a worker of
 * twice the weight has twice the keys.
 */
export function rendezvousScore(key: string, nodeId: string, weight: number): number {
  const hash = mix(fold(fold(0x811c9dc5, key), `\0${nodeId}`));
  return -weight / Math.log((hash + 0.5) / 2 ** 32);
}

/** FNV-1a over UTF-16 units. */
function fold(hash: number, text: string): number {
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** The finishing steps of MurmurHash3: FNV alone leaves the highest bits too regular. */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
