"""An HTTP worker on Python's standard library: python3 python-worker.py HTTP/1.0|HTTP/1.1.

Says its port."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Work(BaseHTTPRequestHandler):
    protocol_version = sys.argv[1]

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        payload = json.loads(self.rfile.read(length))["payload"]
        body = json.dumps({"status": "completed", "result": payload}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        # HTTP/1.0 tells the end by closing.
        if self.protocol_version == "HTTP/1.1":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Work)
print(server.server_port, flush=True)
server.serve_forever()
