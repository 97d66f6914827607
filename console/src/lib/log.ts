// The last rows of something that goes on and on, for pages that show it: many rows in one
// frame of the screen are one change, and old rows go.
import { State } from "./state";

export interface Rows<T> {
  /** The number of the first row that is kept. */
  first: number;
  rows: readonly T[];
}

export class Log<T> {
  /** Changes at most once for each frame of the screen. */
  readonly state: State<Rows<T>>;
  readonly #limit: number;
  #first = 0;
  #rows: T[] = [];
  #scheduled = false;

  /** Keeps at least limit rows, and at most a quarter more. */
  constructor(limit: number) {
    this.#limit = limit;
    this.state = new State<Rows<T>>({ first: 0, rows: [] });
  }

  add(row: T): void {
    this.#rows.push(row);
    const excess = this.#rows.length - this.#limit;
    if (excess > this.#limit / 4) {
      this.#rows = this.#rows.slice(excess);
      this.#first += excess;
    }
    this.changed();
  }

  /** Replaces the rows that match by what change returns. */
  replace(matches: (row: T) => boolean, change: (row: T) => T): void {
    const at = this.#rows.findIndex(matches);
    if (at < 0) return;
    this.#rows[at] = change(this.#rows[at]!);
    this.changed();
  }

  clear(): void {
    this.#first += this.#rows.length;
    this.#rows = [];
    this.changed();
  }

  private changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const show = () => {
      this.#scheduled = false;
      // The list is the log's own, so that nothing is copied; the object around it is new.
      this.state.value = { first: this.#first, rows: this.#rows };
    };
    if (document.hidden) setTimeout(show, 500);
    else requestAnimationFrame(show);
  }
}
