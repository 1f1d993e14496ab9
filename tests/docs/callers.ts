import { expect } from 'bun:test';
import { filled, type RealIds } from './examples.ts';
import { type HttpText, parsed, withoutLastLineEnd } from './http.ts';
import type { Block } from './markdown.ts';

/** Who asked something by HTTP, and the answers that the page has yet to show. */
export class Callers {
  private readonly answers = new Map<string, Promise<HttpText>[]>();

  constructor(private readonly ids: RealIds) {}

  ask(who: string, answer: Promise<HttpText>): void {
    // Whoever waits for it hears of its failure.
    answer.catch(() => {});
    this.answers.set(who, [...(this.answers.get(who) ?? []), answer]);
  }

  /** The oldest answer is the block's: an HTTP block shows its headers too. */
  async expectAnswer(who: string, block: Block, status: string | undefined): Promise<void> {
    const got = await this.answers.get(who)!.shift()!;
    if (block.language === 'http') {
      const documented = withoutLastLineEnd(parsed(block.text));
      return expect(got).toEqual(filled(documented, got, this.ids) as HttpText);
    }
    const { line, body } = got;
    const value = JSON.parse(body);
    expect([line.split(' ')[1], value]).toEqual([
      status,
      filled(JSON.parse(block.text), value, this.ids),
    ]);
  }

  /** Those with answers that the page does not show. */
  get unheard(): string[] {
    return [...this.answers].filter(([, answers]) => answers.length > 0).map(([name]) => name);
  }
}
