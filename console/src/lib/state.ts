// A value that changes over time, and a hook that shows it. This is all the state
// management there is: a module that owns something exports a State of it.
import { useEffect, useReducer } from "preact/hooks";

export class State<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }

  /** Calls listener after each change, until the function that it returns is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Returns the value of a state, and renders the component again when it changes. */
export function useValue<T>(state: State<T>): T {
  const [, render] = useReducer((n: number) => n + 1, 0);
  useEffect(() => {
    const shown = state.value;
    const stop = state.subscribe(() => render(0));
    if (!Object.is(shown, state.value)) render(0);
    return stop;
  }, [state]);
  return state.value;
}
