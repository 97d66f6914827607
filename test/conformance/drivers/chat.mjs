// Holds sessions of the IVS Chat messaging SDK in Node. Usage: node chat.mjs
import WebSocket from 'ws';
import { answer, report } from './lines.mjs';
import { describe, sessionCalls } from './sessions.mjs';

globalThis.WebSocket = WebSocket; // the SDK uses the browser's

const calls = sessionCalls(report);

answer((call, args) => calls[call](args), describe);
