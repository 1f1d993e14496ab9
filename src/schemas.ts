import { type TSchema, Type } from '@sinclair/typebox';
import type { TypeCheck } from '@sinclair/typebox/compiler';

/** An id as every part bounds it: 1 to `charactersMax` characters, no control characters. */
export function idSchema(charactersMax: number) {
  return Type.RegExp(new RegExp(`^[^\\p{Cc}\\p{Cs}]{1,${charactersMax}}$`, 'u'), {
    description: `1 to ${charactersMax} characters, no control characters (server.id_length_max)`,
  });
}

/** A name for people: like an id, and it may be empty. */
export function nameSchema(charactersMax: number) {
  return Type.RegExp(new RegExp(`^[^\\p{Cc}\\p{Cs}]{0,${charactersMax}}$`, 'u'), {
    description: `at most ${charactersMax} characters, no control characters (server.id_length_max)`,
  });
}

/** A user's id: of what nobody can be called, neither sessions nor players keep anything. */
export const userIdSchema = Type.RegExp(/^(?=.*\S)[^\p{Cc}\p{Cs}]{1,64}$/u, {
  description: '1 to 64 characters, not blank, no control characters',
});

/** The first thing that is wrong with a value, as `author.id: 1 to 128 characters, …`. */
export function firstFault(value: unknown, check: TypeCheck<TSchema>): string {
  const first = check.Errors(value).First();
  const field = first?.path.slice(1).replaceAll('/', '.');
  const wanted = first?.schema.description ?? first?.message ?? 'not as documented';
  return field ? `${field}: ${wanted}` : wanted;
}
