import { type Operation, upgradeOperation } from '../openapi.ts';
import { relayRefusals } from './messages.ts';

/** `GET /sync`. */
export const syncOperation: Operation = upgradeOperation({
  tag: 'relay',
  summary: 'The WebSocket of mods and of the bot.',
  description: `The first frame says who is there, and is answered:

\`\`\`json
{"type":"mod","data":{"server_id":"minecraft-server-001","channel_id":"123456789"}}
{"status":"connected","type":"mod"}

{"type":"bot","data":{"bot_id":"discord-bot-123"}}
{"status":"connected","type":"bot"}
\`\`\`

From then on frames are messages. What a mod says goes to the bot, what the bot says to all mods of the channel; if nobody is there, it waits. Each is acknowledged by its \`msg_id\`.

\`\`\`json
{"id":"minecraft-server-001","msg_id":"m1","author":{"id":"u1","name":"Steve"},"content":"Hello","destination":{"channel_id":"123456789"}}
{"status":"completed","type":"mod","msg_id":"m1"}
\`\`\`

The key is looked for in the URL, then in \`X-API-Key\`, then in \`Authorization\`.`,
  refusals: [relayRefusals.notUpgrading, relayRefusals.badKey],
  closes: relayRefusals,
  needs: 'relay',
});
