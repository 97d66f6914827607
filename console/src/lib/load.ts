// Loads something for a component, and forgets answers that come too late.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  /** What was loaded last; it stays while it is loaded again. */
  data: T | undefined;
  error: unknown;
  loading: boolean;
  reload(): void;
  /** Puts in place what is known without loading, such as the answer of a change. */
  set(data: T): void;
}

/** Calls load when the component is shown, when one of the inputs changes, and on reload. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, inputs: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown; loading: boolean }>({
    loading: true,
  });
  const running = useRef<AbortController>(undefined);
  const run = useCallback(() => {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    setState((s) => ({ ...s, loading: true }));
    load(abort.signal).then(
      (data) => abort.signal.aborted || setState({ data, loading: false }),
      (error: unknown) =>
        abort.signal.aborted || setState((s) => ({ data: s.data, error, loading: false })),
    );
  }, inputs);
  useEffect(() => {
    run();
    return () => running.current?.abort();
  }, [run]);
  const set = useCallback((data: T) => {
    running.current?.abort();
    setState({ data, loading: false });
  }, []);
  return { data: state.data, error: state.error, loading: state.loading, reload: run, set };
}
