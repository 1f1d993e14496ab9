import { type TProperties, Type } from '@sinclair/typebox';
import { type Answer, type Operation, refusalAnswers, upgradeOperation } from '../openapi.ts';
import type { Refusal } from '../refusal.ts';
import { userIdSchema } from '../schemas.ts';
import { sessionRefusals } from './messages.ts';

const token = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'Of a live session.',
  examples: ['wTz5vEVWvUc1dGx8Jm0yKk3hQ2r9sXnB7pLfA4oZiRs'],
});
const expiresAt = Type.String({
  format: 'date-time',
  description: 'When it ends, unless it is used until then.',
  examples: ['2026-11-22T12:00:00.000Z'],
});
const userId = Type.Unsafe<string>({ ...userIdSchema, examples: ['MOON-1234'] });

const request = (type: string, fields: TProperties) =>
  Type.Object({ type: Type.Literal(type), ...fields });

const requestBody = Type.Union(
  [
    request('auth', {
      userId,
      secret: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 256,
          description: 'The one of this user; the first one shown is bound to it.',
        }),
      ),
      token: Type.Optional(token),
    }),
    request('refresh', { token }),
    request('validate', { token }),
    request('logout', { token }),
  ],
  { examples: [{ type: 'auth', userId: 'MOON-1234' }] },
);

const granted: Answer = {
  summary: 'Granted. The fields depend on what was asked for.',
  schema: Type.Object({
    success: Type.Literal(true),
    userId: Type.Optional(userId),
    token: Type.Optional(token),
    expiresAt: Type.Optional(expiresAt),
  }),
};

const refusedSchema = Type.Object({
  success: Type.Literal(false),
  message: Type.String({ description: 'For people, as the WebSocket says it.' }),
  detail: Type.Optional(Type.String({ description: 'What exactly, if there is more to say.' })),
});

function refused(refusals: readonly Refusal[]): Record<number, Answer> {
  const bodyOf = ({ message }: Refusal) => ({ success: false, message });
  const answers = refusalAnswers(refusals, refusedSchema, bodyOf);
  const busyAnswer = answers[429];
  if (busyAnswer !== undefined) busyAnswer.headers = { 'Retry-After': 'Seconds to wait.' };
  return answers;
}

const { badMessage, secretNeeded, secretRequired, tooManySessionsMade } = sessionRefusals;
const { unknownToken, wrongSecret, tokenNeeded, tooManyGuesses } = sessionRefusals;
const { busy, tooManySessions, storeFailed, notUpgrading } = sessionRefusals;
const { tooManyClaims, sessionsInUse, failed, foreignPage } = sessionRefusals;
const noRoom = [tooManySessionsMade, tooManySessions, sessionsInUse, storeFailed];

/** `POST /auth`; `notJson` is its refusal of another content type. */
export const authOperation = (notJson: Refusal): Operation => ({
  tag: 'sessions',
  summary: 'Makes, prolongs, checks or ends a session.',
  description:
    '`auth` makes a session of a user and gives its token; `refresh` prolongs one, `validate` says whose it is, `logout` ends it.',
  body: requestBody,
  answers: {
    200: granted,
    ...refused([
      ...[badMessage, notJson, unknownToken, secretNeeded, secretRequired, wrongSecret],
      ...[tokenNeeded, tooManyGuesses, busy, tooManyClaims, ...noRoom, failed],
    ]),
  },
});

/** `GET /auth`. */
export const authSocketOperation: Operation = upgradeOperation({
  tag: 'sessions',
  summary: 'The WebSocket that does what POST does.',
  description: `Each frame is a request, as the body of the POST, and its answer has the type of the request with \`_result\` behind it:

\`\`\`json
{"type":"auth","userId":"MOON-1234"}
{"type":"auth_result","success":true,"userId":"MOON-1234","token":"wTz5vEVWvUc1dGx8Jm0yKk3hQ2r9sXnB7pLfA4oZiRs","expiresAt":"2026-11-22T12:00:00.000Z"}
\`\`\``,
  parameters: [
    {
      name: 'userId',
      in: 'query',
      summary: 'As if an `auth` of this user were the first frame.',
      schema: userId,
    },
  ],
  refusals: [notUpgrading],
  closes: sessionRefusals,
});

/** `GET /sessions?userId=`, where the status API does not have this path. */
export const pluginOperation: Operation = {
  tag: 'sessions',
  summary: 'Makes a session, as the plugin asks for it: a token for `?userId=`.',
  parameters: [{ name: 'userId', in: 'query', summary: 'Whose.', schema: userId, required: true }],
  answers: {
    200: { summary: 'Its token.', schema: Type.Object({ token }) },
    ...refused([badMessage, secretNeeded, secretRequired, foreignPage, ...noRoom, failed]),
  },
};
