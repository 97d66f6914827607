// One connection of the messaging plane: it opens with a token, which is good for one.

export interface Token {
  token: string;
  /** By when the token has to be used. */
  tokenExpirationTime?: Date | undefined;
  /** When the connection that it opens will end. */
  sessionExpirationTime?: Date | undefined;
}

/** How long a connection may take to open, in milliseconds. */
const openTimeout = 10_000;

export interface SocketEvents {
  text(socket: Socket, data: string): void;
  closed(socket: Socket, clean: boolean, reason: string): void;
}

export class Socket {
  readonly token: Token;
  readonly openedAt = new Date();
  readonly #ws: WebSocket;

  private constructor(ws: WebSocket, token: Token) {
    this.#ws = ws;
    this.token = token;
  }

  /** Opens a connection. A browser does not tell why it fails. */
  static open(url: string, token: Token, events: SocketEvents): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(url, token.token);
      const timer = setTimeout(() => ws.close(), openTimeout);
      let socket: Socket | undefined;
      ws.onopen = () => {
        clearTimeout(timer);
        socket = new Socket(ws, token);
        resolve(socket);
      };
      ws.onmessage = (e) => {
        if (socket && typeof e.data === "string") events.text(socket, e.data);
      };
      ws.onclose = (e) => {
        clearTimeout(timer);
        if (socket) events.closed(socket, e.wasClean || e.code === 1000, e.reason);
        else reject(new RefusedError());
      };
    });
  }

  send(data: string): void {
    this.#ws.send(data);
  }

  close(): void {
    this.#ws.close(1000);
  }
}

/** The server, or the network, did not let a connection open. */
export class RefusedError extends Error {
  constructor() {
    super("The server did not accept the connection.");
    this.name = "RefusedError";
  }
}
