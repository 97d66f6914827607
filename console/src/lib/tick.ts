import { useEffect, useReducer } from "preact/hooks";

/** Renders the component again every so many milliseconds, for what shows the time. */
export function useTick(milliseconds: number): void {
  const [, render] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const timer = setInterval(() => render(0), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}
