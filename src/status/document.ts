import { asJsonSchema, exampleOf, type Json } from './json-schema.ts';

/** What the document says beside its operations. */
export interface About {
  version: string;
  /** By `get /path`: what else is to be said of an operation. */
  notes: ReadonlyMap<string, string>;
}

interface Content {
  schema: Json;
  example?: unknown;
}

interface Described extends Json {
  description?: string;
  parameters?: Json[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, { content?: Record<string, Content> }>;
}

export interface Document extends Json {
  paths: Record<string, Record<string, Described>>;
}

/** Where it leads to, from the place of this document. */
export interface Server {
  url: string;
}

const tags = {
  status:
    'How the server is, and what operators do. Its own listener; what only reads is also under `/api` of the listener of the tasks.',
  relay: 'Messages between game servers and the chat platform.',
  tasks: 'Work from callers to workers.',
  sessions: 'Who is who: sessions and their tokens.',
  players: 'Players, connected with their token.',
  dashboard: 'A page for people, beside the tasks.',
  server: 'Every listener has these.',
};

const description = `Each part has a listener of its own, or shares one; an operation says where it is. Those of other listeners than this one's cannot be tried out from here, nor can WebSockets and streams.

An error says why in the words of its part: \`{"error":{"code","message"}}\` the status, \`{"message","code"}\` every WebSocket before the upgrade, \`{"error","task_id"}\` a task, \`{"error"}\` a worker's heartbeat, \`{"success":false,"message"}\` the sessions. Beside those that are listed, every listener answers \`{"message","code"}\` with 403 when it does not serve this \`Host\` or this \`Origin\`, and \`{"error":{"code","message"}}\` with 404 at a path where nothing is and with 500 when something went wrong in the server.`;

const key = (where: 'header' | 'query', name: string, about: string) => ({
  type: 'apiKey',
  in: where,
  name,
  description: about,
});
const bearer = (about: string) => ({ type: 'http', scheme: 'bearer', description: about });
const ofStatus =
  'One of `[[api.keys]]`, whose role is `read` or `admin`. Reading needs none with `api.public`, nor on loopback while there are no keys.';
const ofTasks = 'One of `task_keys` in mls.json, if there are any.';
const ofRelay = 'The key of `gateway.websocket`, or one of `[[gateway.keys]]`.';

const securitySchemes = {
  statusKey: key('header', 'X-API-Key', ofStatus),
  statusBearer: bearer(ofStatus),
  taskKey: key('header', 'X-API-Key', ofTasks),
  taskBearer: bearer(ofTasks),
  relayUrlKey: key('query', 'api_key', ofRelay),
  relayKey: key('header', 'X-API-Key', ofRelay),
  relayBearer: bearer(ofRelay),
};

/** The whole document, from the one that was made of the routes. */
export function completed(made: Document, { version, notes }: About): Document {
  const paths: Document['paths'] = {};
  for (const [path, operations] of Object.entries(made.paths).sort(byName)) {
    paths[path] = {};
    for (const [method, one] of Object.entries(operations))
      paths[path][method] = described(one, notes.get(`${method} ${path}`));
  }
  return {
    // From 3.1 on its schemas are those of JSON Schema, as TypeBox makes them.
    openapi: '3.1.0',
    info: { title: 'Moonstead', version, description },
    tags: Object.entries(tags).map(([name, about]) => ({ name, description: about })),
    paths,
    components: { securitySchemes },
  };
}

const byName = ([one]: [string, unknown], [other]: [string, unknown]) => (one < other ? -1 : 1);

function described(made: Described, note: string | undefined): Described {
  const { parameters = [], ...rest } = asJsonSchema(made) as Described;
  const one: Described = { ...rest, ...(parameters.length > 0 && { parameters }) };
  if (note !== undefined)
    one.description = one.description === undefined ? note : `${one.description}\n\n${note}`;
  const bodies = one.requestBody === undefined ? [] : [one.requestBody];
  for (const { content } of [...bodies, ...Object.values(one.responses)]) {
    const json = content?.['application/json'];
    if (json !== undefined) json.example ??= exampleOf(json.schema);
  }
  return one;
}

/** The document for a reader, who sees the listeners under certain names. */
export function withServers(
  { paths, ...rest }: Document,
  own: Server,
  serversOf: (operation: string) => readonly Server[],
): Document {
  const placed: Document['paths'] = {};
  for (const [path, operations] of Object.entries(paths)) {
    placed[path] = {};
    for (const [method, one] of Object.entries(operations)) {
      const servers = serversOf(`${method} ${path}`);
      const isHere = servers.length === 1 && servers[0]!.url === own.url;
      placed[path][method] = isHere
        ? one
        : { ...one, servers, description: told(one, path, servers) };
    }
  }
  return { ...rest, servers: [own], paths: placed };
}

/** Swagger UI shows the servers of an operation only to who tries it out. */
function told({ description, responses }: Described, path: string, servers: readonly Server[]) {
  const isSocket = responses[101] !== undefined;
  const urls = servers.map(({ url }) => {
    const whole = url.replace(/\/$/, '') + path;
    return isSocket ? whole.replace(/^http/, 'ws') : whole;
  });
  const where = `At ${urls.map((url) => `\`${url}\``).join(', ')}`;
  return description === undefined ? where : `${where}\n\n${description}`;
}
