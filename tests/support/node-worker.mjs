// An HTTP worker on Node's own server, with the handler of the source document's Express example:
// node node-worker.mjs answer|hold|half. Says its port, then "task" for each task.
import { createServer } from 'node:http';

const [does] = process.argv.slice(2);

function work(req, res) {
  const { payload } = req.body;
  console.log('task');
  if (does === 'hold') return;
  if (does === 'half') return res.write('half of ');
  const result = { seen: payload };
  res.json({ status: 'completed', result });
}

const server = createServer(async (req, res) => {
  if (req.method !== 'POST' || req.url !== '/work') return res.writeHead(404).end();
  // What express.json() and res.json() do.
  let text = '';
  for await (const part of req) text += part;
  req.body = JSON.parse(text);
  res.json = (value) => {
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    res.setHeader('X-Powered-By', 'Express');
    res.end(JSON.stringify(value));
  };
  work(req, res);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
