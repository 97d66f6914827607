// What outlives a page: in this tab, or in this browser. A browser that keeps nothing,
// as some do in private windows, is no error.

function guard<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}

class Store {
  readonly #area: () => Storage;

  constructor(area: () => Storage) {
    this.#area = area;
  }

  get(key: string): string | null {
    return guard(() => this.#area().getItem("parley." + key));
  }

  /** Keeps a value; null removes it. */
  set(key: string, value: string | null): void {
    guard(() => {
      if (value === null) this.#area().removeItem("parley." + key);
      else this.#area().setItem("parley." + key, value);
    });
  }
}

/** Ends with the tab. An access key may be here, when the user asks for it. */
export const tabStore = new Store(() => sessionStorage);

/** Stays in the browser. Nothing secret may be here. */
export const browserStore = new Store(() => localStorage);
