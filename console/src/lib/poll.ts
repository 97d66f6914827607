// Loads something again and again, as long as somebody looks at it.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { isException } from "../api/errors";
import type { Loaded } from "./load";

/** The longest time between two attempts while they fail, in milliseconds. */
const slowest = 30_000;

/**
 * Calls load when the component is shown, and then every so many milliseconds after the last
 * answer. While the page is hidden, or paused, nothing is asked. What cannot be loaded is
 * tried again, less and less often; what the user may not see, only on reload.
 */
export function usePoll<T>(
  load: (signal: AbortSignal) => Promise<T>,
  every: number,
  inputs: unknown[],
  paused = false,
): Omit<Loaded<T>, "set"> {
  const [state, setState] = useState<{ data?: T; error?: unknown; loading: boolean }>({
    loading: true,
  });
  const ask = useRef<() => void>(undefined);
  useEffect(() => {
    if (paused) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    let asking = false;

    const next = async () => {
      clearTimeout(timer);
      if (asking || document.hidden || abort.signal.aborted) return;
      asking = true;
      const answer = await load(abort.signal).then(
        (data) => ({ data }),
        (error: unknown) => ({ error }),
      );
      asking = false;
      if (abort.signal.aborted) return;
      if ("data" in answer) setState({ data: answer.data, loading: false });
      else setState((s) => ({ ...s, error: answer.error, loading: false }));
      failures = "data" in answer ? 0 : failures + 1;
      if ("error" in answer && isException(answer.error, "AccessDeniedException")) return;
      timer = setTimeout(next, Math.min(every * 2 ** failures, slowest));
    };
    const changed = () => void next();
    ask.current = changed;
    document.addEventListener("visibilitychange", changed);
    changed();
    return () => {
      document.removeEventListener("visibilitychange", changed);
      clearTimeout(timer);
      abort.abort();
    };
  }, [...inputs, paused]);
  const reload = useCallback(() => ask.current?.(), []);
  return { data: state.data, error: state.error, loading: state.loading, reload };
}
