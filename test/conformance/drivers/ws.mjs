// Holds plain WebSocket sessions, made by the package ws. Usage: node ws.mjs URL
// Frames are reported as they came, and so are closes.
import WebSocket from 'ws';
import { answer, report } from './lines.mjs';

const [url] = process.argv.slice(2);
const sockets = new Map();

const calls = {
  open({ session, token }) {
    const socket = new WebSocket(url, token);
    sockets.set(session, socket);
    socket.on('message', (data, isBinary) => {
      report(session, isBinary ? 'binary' : 'text', data.toString());
    });
    socket.on('close', (code, reason) => {
      report(session, 'close', { code, reason: reason.toString() });
    });
    return new Promise((resolve, reject) => {
      socket.on('open', () => {
        const { protocol, extensions } = socket;
        resolve({ protocol, extensions });
      });
      socket.on('error', reject);
    });
  },
  sendText: ({ session, text }) => sockets.get(session).send(text),
  sendBinary: ({ session, text }) => sockets.get(session).send(Buffer.from(text)),
};

answer((call, args) => calls[call](args), (error) => ({ message: error.message }));
