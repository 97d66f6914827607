// Holds sessions of the IVS Chat messaging SDK in Node. Usage: node chat.mjs
import WebSocket from 'ws';
import { answer, report } from './lines.mjs';
import { describe, sessionCalls } from './sessions.mjs';

// The SDK uses the browser's WebSocket. This one opens after all else that has arrived
// is handled. When a machine is busy, Linux may tell Node of a new connection's answer
// before it tells of a message that came on another one milliseconds earlier; the SDK,
// which then closes the other, would never see it.
globalThis.WebSocket = class extends WebSocket {
  emit(event, ...args) {
    if (event !== 'open') return super.emit(event, ...args);
    setImmediate(() => super.emit('open', ...args));
    return true;
  }
};

const calls = sessionCalls(report);

answer((call, args) => calls[call](args), describe);
