// The script of the page that holds sessions of the IVS Chat messaging SDK in a browser.
// browser.mjs gives it report, and calls perform.
import { describe, sessionCalls } from './sessions.mjs';

const calls = {
  ...sessionCalls((...event) => window.report(JSON.stringify(event))),
  // open opens a socket without the SDK, and returns what the browser says of it.
  open({ url, protocols }) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, protocols);
      socket.onopen = () => {
        resolve({ protocol: socket.protocol, extensions: socket.extensions });
        socket.close(1000);
      };
      socket.onclose = ({ code, reason }) => reject({ errorCode: code, message: reason });
    });
  },
};

// perform makes a call and returns its result or error as JSON.
window.perform = async (call, args) => {
  try {
    return JSON.stringify({ result: (await calls[call](args)) ?? null });
  } catch (error) {
    return JSON.stringify({ error: describe(error) });
  }
};
