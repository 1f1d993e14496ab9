"""An address that takes no connection and refuses none: its queue is full. Says its port."""

import signal
import socket

hole = socket.socket()
hole.bind(("127.0.0.1", 0))
hole.listen(0)
inside = []
for _ in range(4):
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex(hole.getsockname())
    inside.append(filler)
print(hole.getsockname()[1], flush=True)
signal.pause()
