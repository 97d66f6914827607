// The line protocol of the drivers. A call is {"id", "call", "args"}; its answer is
// {"id", "result"} or {"id", "error"}. Calls run concurrently. An event is
// {"session", "event", "value"}.
import { createInterface } from 'node:readline';

function print(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

// answer runs perform(call, args) for each line of standard input, and ends the
// process with it, after finish. describe turns what perform threw into the error that
// is printed.
export function answer(perform, describe, finish = () => {}) {
  const input = createInterface({ input: process.stdin });
  input.on('line', async (text) => {
    const { id, call, args } = JSON.parse(text);
    try {
      print({ id, result: (await perform(call, args)) ?? null });
    } catch (error) {
      print({ id, error: describe(error) });
    }
  });
  input.on('close', async () => {
    await finish();
    process.exit(0);
  });
}

// report prints an event of a session.
export function report(session, event, value = null) {
  print({ session, event, value });
}
