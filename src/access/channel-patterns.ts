/** Channel patterns of one key, compiled: each is its text between the stars. */
export type ChannelPatterns = readonly (readonly string[])[];

/** `*` stands for any run of characters, also none; everything else for itself. */
export function channelPatterns(patterns: readonly string[]): ChannelPatterns {
  return patterns.map((pattern) => pattern.replace(/\*+/g, '*').split('*'));
}

/** Whether one of the patterns covers the channel. No patterns at all (undefined): every channel. */
export function channelAllowed(patterns: ChannelPatterns | undefined, channel: string): boolean {
  return patterns === undefined || patterns.some((pieces) => covers(pieces, channel));
}

/** Taking the first place where each piece fits is enough, so nothing is ever tried twice. */
function covers(pieces: readonly string[], channel: string): boolean {
  const first = pieces[0]!;
  if (pieces.length === 1) return channel === first;
  const last = pieces.at(-1)!;
  const end = channel.length - last.length;
  if (end < first.length || !channel.startsWith(first) || !channel.endsWith(last)) return false;
  let from = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const at = channel.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return from <= end;
}
