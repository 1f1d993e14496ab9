/** How a body may be sent, the best first. */
export const encodings = ['br', 'gzip', 'identity'] as const;
export type Encoding = (typeof encodings)[number];

export interface File {
  type: string;
  /** Changes with its content. */
  tag: string;
  bytes: Readonly<Record<Encoding, Uint8Array<ArrayBuffer>>>;
}

/** The dashboard as it was built. */
export interface BuiltPage {
  document: File;
  /** What the document names, by names that change with what is in them. */
  files: ReadonlyMap<string, File>;
}
