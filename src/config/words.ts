/** What a text must look like: each answers undefined, or what is wrong, worded to follow "must". */

/** A name as operations.md bounds them: 1 to 128 characters, no control characters. */
export function nameProblem(text: string): string | undefined {
  return text.length >= 1 && text.length <= 128 ? undefined : 'have 1 to 128 characters';
}

export function keyProblem(text: string): string | undefined {
  if (text === '') return 'not be empty';
  if (text.length > 1024) return 'have at most 1024 characters';
  return text.trim() === text ? undefined : 'not begin or end with a space';
}

export function hostProblem(text: string): string | undefined {
  if (text === '') return 'not be empty';
  return partHostProblem(text);
}

/** A part's own host may be empty: the server's. */
export function partHostProblem(text: string): string | undefined {
  return /^[^\s/[\]]{0,255}$/.test(text)
    ? undefined
    : 'be an address or a name, such as "0.0.0.0" or "::1"';
}

export function folderProblem(text: string): string | undefined {
  return text === '' ? 'not be empty' : undefined;
}

/** A path that we serve. */
export function pathProblem(text: string): string | undefined {
  return /^\/(?:[\w.~-]+(?:\/[\w.~-]+)*)?$/.test(text) ? undefined : 'be a path such as "/ws"';
}

export function originProblem(text: string): string | undefined {
  return /^https?:/.test(text) && URL.parse(text)?.origin === text
    ? undefined
    : 'be an origin such as "https://example.org"';
}

export function hostHeaderProblem(text: string): string | undefined {
  return /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\\[\]]+)(?::\d{1,5})?$/.test(text)
    ? undefined
    : 'be a host name, with or without a port';
}
