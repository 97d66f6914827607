// A list of rows of any height, of which only those in sight are in the page. It stays at
// its end while rows are added, unless it was scrolled away from there; then what is in
// sight stays where it is, whatever is added below and dropped above.
import { Component, type ComponentChildren } from "preact";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

interface VirtualListProps<T> {
  label: string;
  rows: readonly T[];
  /** The number of the first row. A row keeps its number when others are dropped. */
  first: number;
  /** Renders a row. It is not called again while the row and active are the same. */
  render: (row: T, number: number, active: boolean) => ComponentChildren;
  /** The row that the keyboard is at. */
  active?: number | null;
  onActive?: (number: number | null) => void;
  /** Gets the keys that do not move. */
  onKey?: (event: KeyboardEvent) => void;
  /** Told when the list leaves its end, and when it is back. */
  onFollow?: (following: boolean) => void;
  class?: string;
}

interface RowProps {
  row: unknown;
  number: number;
  active: boolean;
  render: (row: unknown, number: number, active: boolean) => ComponentChildren;
}

/** A row in the page. It is rendered again only when something about it changes. */
class RowBox extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return next.row !== this.props.row || next.active !== this.props.active;
  }

  render() {
    const { row, number, active, render } = this.props;
    return (
      <div class={active ? "virtual-row active" : "virtual-row"}>{render(row, number, active)}</div>
    );
  }
}

/** How high a row is taken to be before it was measured, in pixels. */
const estimate = 44;

/** How far beyond what is in sight rows are rendered, in pixels. */
const overscan = 300;

/** How near to its end the list counts as being there, in pixels. */
const nearEnd = 8;

/** What the list knows of its rows and of where it is. Pure but for the element. */
class Layout {
  element!: HTMLDivElement;
  following = true;
  #base = 0; // the number of the first row
  #heights: number[] = []; // 0 when unknown
  #lastTop = 0;
  #anchor = { number: 0, below: 0 }; // the first row in sight, and how far it is out of it

  /** Takes note of which rows there are. */
  sync(first: number, count: number): void {
    if (first < this.#base || first > this.#base + this.#heights.length) this.#heights = [];
    else this.#heights.splice(0, first - this.#base);
    this.#base = first;
    this.#heights.length = Math.min(this.#heights.length, count);
    while (this.#heights.length < count) this.#heights.push(0);
  }

  #height(index: number): number {
    return this.#heights[index] || estimate;
  }

  #offset(index: number): number {
    let offset = 0;
    for (let i = 0; i < index; i++) offset += this.#height(i);
    return offset;
  }

  /** Returns which rows are rendered, and the space that stands for the others. */
  window(): { from: number; to: number; above: number; below: number } {
    const count = this.#heights.length;
    const viewport = this.element?.clientHeight || 600;
    const total = this.#offset(count);
    const index = this.#anchor.number - this.#base;
    const top = this.following
      ? total - viewport
      : this.#offset(Math.max(0, index)) + this.#anchor.below;
    let from = 0;
    let above = 0;
    while (from < count && above + this.#height(from) < top - overscan) above += this.#height(from++);
    let to = from;
    let end = above;
    while (to < count && end < top + viewport + overscan) end += this.#height(to++);
    return { from, to, above, below: total - end };
  }

  /** Learns how high the rendered rows are. */
  measure(rows: HTMLElement, from: number): void {
    for (let i = 0; i < rows.children.length; i++) {
      this.#heights[from + i] = rows.children[i]!.getBoundingClientRect().height;
    }
  }

  /** Scrolls to where the list has to be. */
  place(): void {
    const index = this.#anchor.number - this.#base;
    const top = this.following
      ? this.element.scrollHeight
      : this.#offset(Math.max(0, index)) + (index < 0 ? 0 : this.#anchor.below);
    if (Math.abs(this.element.scrollTop - top) > 0.5) this.element.scrollTop = top;
    this.#lastTop = this.element.scrollTop;
  }

  /** Takes note of where the user scrolled to. */
  scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (scrollHeight - scrollTop - clientHeight <= nearEnd) this.following = true;
    else if (scrollTop < this.#lastTop - 1) this.following = false;
    this.#lastTop = scrollTop;
    let index = 0;
    let offset = 0;
    while (index < this.#heights.length - 1 && offset + this.#height(index) <= scrollTop) {
      offset += this.#height(index++);
    }
    this.#anchor = { number: this.#base + index, below: scrollTop - offset };
  }

  /** Scrolls as little as it takes to have a row in sight. */
  reveal(number: number): void {
    const index = number - this.#base;
    const top = this.#offset(index);
    const { scrollTop, clientHeight } = this.element;
    const height = this.#height(index);
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + height > scrollTop + clientHeight) {
      this.element.scrollTop = top + height - clientHeight;
    }
  }
}

export function VirtualList<T>(props: VirtualListProps<T>) {
  const { rows, first, active = null } = props;
  const element = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const layout = useRef<Layout>(undefined);
  const [, rerender] = useReducer((n: number) => n + 1, 0);
  layout.current ??= new Layout();
  const l = layout.current;

  l.sync(first, rows.length);
  const { from, to, above, below } = l.window();

  useLayoutEffect(() => {
    l.element = element.current!;
    const resized = new ResizeObserver(() => {
      l.place();
      rerender(0);
    });
    resized.observe(l.element);
    return () => resized.disconnect();
  }, []);
  useLayoutEffect(() => {
    l.measure(body.current!, from);
    l.place();
  });

  const scrolled = () => {
    const before = l.following;
    l.scrolled();
    if (l.following !== before) props.onFollow?.(l.following);
    rerender(0);
  };

  const move = (number: number) => {
    const to = Math.min(Math.max(number, first), first + rows.length - 1);
    props.onActive?.(to);
    l.reveal(to);
  };

  const key = (e: KeyboardEvent) => {
    const last = first + rows.length - 1;
    const targets: Record<string, number> = {
      ArrowUp: (active ?? last + 1) - 1,
      ArrowDown: (active ?? last) + 1,
      Home: first,
      End: last,
    };
    const target = targets[e.key];
    if (target !== undefined && rows.length > 0 && props.onActive) {
      e.preventDefault();
      move(target);
    } else {
      props.onKey?.(e);
    }
  };

  return (
    <div
      ref={element}
      class={`virtual ${props.class ?? ""}`}
      role="log"
      aria-live="off"
      aria-label={props.label}
      tabIndex={0}
      onScroll={scrolled}
      onKeyDown={key}
    >
      <div style={{ height: `${above}px` }} />
      <div ref={body}>
        {rows.slice(from, to).map((row, i) => {
          const number = first + from + i;
          return (
            <RowBox
              key={number}
              row={row}
              number={number}
              active={number === active}
              render={props.render as RowProps["render"]}
            />
          );
        })}
      </div>
      <div style={{ height: `${below}px` }} />
    </div>
  );
}
