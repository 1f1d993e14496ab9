import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const root = join(import.meta.dir, '../..');

/** A file of the project; in Markdown without the spaces that line its tables up. */
export function read(path: string): string {
  const text = readFileSync(join(root, path), 'utf8');
  if (!path.endsWith('.md')) return text;
  return text.replace(/^\|.*\|$/gm, (row) => row.replace(/ *\| */g, ' | ').trim());
}

/** A fenced block: the word behind the fence, the rest of that line, and what is in it. */
export interface Block {
  language: string;
  caption: string;
  text: string;
}

export interface Section {
  /** With those of the headings above it, down from the second level. */
  title: string;
  blocks: Block[];
}

/** The page by its headings, none of which may stand inside of a block. */
export function sectionsOf(markdown: string): Section[] {
  const parts = markdown.split(/^(?=#{2,3} )/m);
  let chapter = '';
  return parts.map((text) => {
    const [, level = '', heading = ''] = /^(#{2,3}) (.*)$/m.exec(text) ?? [];
    if (level === '##') chapter = heading;
    const title = level === '###' ? `${chapter}: ${heading}` : heading;
    return { title, blocks: blocksOf(text) };
  });
}

export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\S*)(.*)\n([^]*?)^```$/gm)].map(
    ([, language, caption, text]) => ({
      language: language!,
      caption: caption!.trim(),
      text: text!,
    }),
  );
}

/** The rows of the table whose first column has this heading, as texts by column. */
export function tableOf(markdown: string, ...columns: string[]): Record<string, string>[] {
  const lines = markdown.split('\n');
  const at = lines.indexOf(`| ${columns.join(' | ')} |`);
  if (at < 0) throw new Error(`there is no table with the columns ${columns.join(', ')}`);
  const rows: Record<string, string>[] = [];
  for (const line of lines.slice(at + 2)) {
    if (!line.startsWith('|')) break;
    const cells = line.slice(1, -1).split('|');
    rows.push(Object.fromEntries(columns.map((column, i) => [column, cells[i]?.trim() ?? ''])));
  }
  return rows;
}

/** `gateway.queue_max` without its quotes. */
export function unquoted(cell: string): string {
  const [, name] = /^`([^`]+)`$/.exec(cell) ?? [];
  if (name === undefined) throw new Error(`not a name in backquotes: ${cell}`);
  return name;
}

/** Every Markdown file of the project, from its root. */
export function markdownFiles(): string[] {
  const found: string[] = [];
  const search = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!['node_modules', '.git', 'dist', 'data'].includes(entry.name)) search(path);
      } else if (entry.name.endsWith('.md')) {
        found.push(relative(root, path));
      }
    }
  };
  search(root);
  return found.sort();
}

/** The name that a heading has in links, as hosts of repositories make it. */
export function anchorsOf(markdown: string): string[] {
  const text = markdown.replace(/^```[^]*?^```$/gm, '');
  return [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
