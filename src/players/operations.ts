import { type Operation, upgradeOperation } from '../openapi.ts';
import { playerRefusals } from './messages.ts';

/** `GET /player`. */
export const playerOperation: Operation = upgradeOperation({
  tag: 'players',
  summary: 'The WebSocket of players.',
  description: `The first frame shows the token that \`/auth\` gave, and is answered:

\`\`\`json
{"type":"session_auth","token":"wTz5vEVWvUc1dGx8Jm0yKk3hQ2r9sXnB7pLfA4oZiRs","protocol":2}
{"type":"session_auth_result","success":true,"message":"Authentication successful","userId":"MOON-1234"}
\`\`\`

From then on players see who is online, link with each other, send messages to users and channels, and send files.

\`\`\`json
{"type":"message","targetUserId":"MOON-5678","data":{"text":"Hello"},"msg_id":"a1"}
{"type":"message_ack","msg_id":"a1","status":"completed"}
\`\`\``,
  refusals: [playerRefusals.notUpgrading, playerRefusals.tooManyUnauthenticated],
  closes: playerRefusals,
});
