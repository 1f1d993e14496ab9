/** A way to a server that can stop carrying bytes: a transfer is then under way for as long as a test wants. */
export interface HoldingProxy {
  port: number;
  /** From now on, new connections carry so many bytes in that direction, and then no more. */
  hold: (direction: 'up' | 'down', bytes: number) => void;
  /** Carries everything on new connections. */
  release: () => void;
  stop: () => void;
}

interface Side {
  other: Bun.Socket<Side> | undefined;
  direction: 'up' | 'down';
  left: number;
  waiting: Buffer[];
}

export function startHoldingProxy(serverPort: number): HoldingProxy {
  const limits = { up: Infinity, down: Infinity };
  const sideOf = (direction: 'up' | 'down'): Side => ({
    other: undefined,
    direction,
    left: limits[direction],
    waiting: [],
  });
  const flush = (socket: Bun.Socket<Side>) => {
    const { other, waiting } = socket.data;
    while (other !== undefined && waiting.length > 0) {
      const bytes = waiting[0]!;
      const written = other.write(bytes);
      if (written < bytes.length) {
        waiting[0] = bytes.subarray(Math.max(0, written));
        return;
      }
      waiting.shift();
    }
  };
  const handlers: Bun.SocketHandler<Side> = {
    data(socket, bytes) {
      const { data } = socket;
      const carried = Buffer.from(bytes.subarray(0, Math.min(bytes.length, data.left)));
      data.left -= carried.length;
      if (carried.length > 0) data.waiting.push(carried);
      flush(socket);
    },
    drain: (socket) => void (socket.data.other && flush(socket.data.other)),
    close: (socket) => void socket.data.other?.end(),
    error() {},
  };
  const listener = Bun.listen<Side>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      ...handlers,
      open(client) {
        client.data = sideOf('up');
        Bun.connect<Side>({
          hostname: '127.0.0.1',
          port: serverPort,
          data: sideOf('down'),
          socket: handlers,
        }).then(
          (server) => {
            server.data.other = client;
            client.data.other = server;
            flush(client);
          },
          () => client.end(),
        );
      },
    },
  });
  return {
    port: listener.port,
    hold: (direction, bytes) => void (limits[direction] = bytes),
    release: () => void Object.assign(limits, { up: Infinity, down: Infinity }),
    stop: () => listener.stop(true),
  };
}
