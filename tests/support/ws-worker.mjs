// A worker on the npm package `ws`: node ws-worker.mjs URL answer|hold REGISTRATION.
// Says "registered", then "task" for each task.
import WebSocket from 'ws';

const [url, does, registration] = process.argv.slice(2);
const client = new WebSocket(url);

client.on('open', () => {
  client.send(`{"type":"register","payload":${registration}}`);
});
client.on('message', (data) => {
  const { type, task_id, payload } = JSON.parse(data);
  console.log(type);
  if (type !== 'task' || does === 'hold') return;
  const response = { status: 'completed', result: { seen: payload } };
  client.send(JSON.stringify({ type: 'task_response', payload: { task_id, response } }));
});
