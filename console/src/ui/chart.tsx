// A chart of what changes over time. It draws on a canvas, and says the same in words.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../theme";
import "./chart.css";

/** How many colours there are for lines. */
export const maxLines = 8;

export interface Line {
  name: string;
  /** One of the colours, 1 to maxLines. */
  colour: number;
  /** A value for each time; null is none. */
  values: (number | null)[];
}

interface ChartProps {
  title: string;
  hint: string;
  /** In seconds since 1970, ascending. */
  times: number[];
  lines: Line[];
  /** The first and the last time that are shown, in seconds. */
  range: [from: number, to: number];
  format: (value: number) => string;
  /** What is said while there are no lines. */
  empty: string;
  /** Charts of one group show the same moment. */
  group: string;
}

const variable = (colour: number): string => `--chart-${colour}`;

// A canvas knows nothing of variables and light-dark(): what they are is asked of an element.
const colours = new Map<string, string>();
function resolve(place: HTMLElement, name: string): string {
  let colour = colours.get(name);
  if (!colour) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    place.append(probe);
    colour = getComputedStyle(probe).color;
    probe.remove();
    colours.set(name, colour);
  }
  return colour;
}

/** Returns a computed colour, which has the form rgb(1, 2, 3), with little of it left. */
const soften = (colour: string): string => colour.replace(/^rgb\((.*)\)$/, "rgba($1, 0.1)");

// Times on an axis are short, so that they do not stick out.
const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const minutes = new Intl.DateTimeFormat(undefined, clock);
const seconds = new Intl.DateTimeFormat(undefined, { ...clock, second: "2-digit" });

/** What uPlot calls back for: it changes without a new plot. */
interface Live {
  range: [number, number];
  format: (value: number) => string;
  pointed: (index: number | null) => void;
}

function newPlot(place: HTMLElement, lines: Line[], group: string, live: { current: Live }): uPlot {
  const soft = () => resolve(place, "--text-soft");
  const rule = () => resolve(place, "--line");
  const font = `12px ${getComputedStyle(place).fontFamily}`;
  const axis = { stroke: soft, font, ticks: { show: false } };
  const options: uPlot.Options = {
    width: place.clientWidth,
    height: place.clientHeight,
    padding: [8, 32, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: group },
      drag: { x: false, y: false, setScale: false },
      y: false,
      points: { size: 7 },
    },
    scales: {
      x: { time: true, range: () => live.current.range },
      y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 84,
        grid: { show: false },
        values: (_, splits) => {
          const [from, to] = live.current.range;
          const form = to - from > 300 ? minutes : seconds;
          return splits.map((at) => form.format(at * 1000));
        },
      },
      {
        ...axis,
        size: 52,
        space: 36,
        grid: { stroke: rule, width: 1 },
        values: (_, splits) => splits.map((value) => live.current.format(value)),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour }) => ({
        label: name,
        stroke: () => resolve(place, variable(colour)),
        ...(lines.length === 1 && { fill: () => soften(resolve(place, variable(colour))) }),
        width: 2,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(plot) => live.current.pointed(plot.cursor.idx ?? null)] },
  };
  return new uPlot(options, [[], ...lines.map(() => [])], place);
}

export function Chart(props: ChartProps) {
  const { title, hint, times, lines, range, format, empty, group } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [at, setAt] = useState<number | null>(null);
  const live = useRef<Live>({ range, format, pointed: setAt });
  live.current = { range, format, pointed: setAt };

  const made = lines.map((l) => `${l.name} ${l.colour}`).join("\n");
  useLayoutEffect(() => {
    plot.current = newPlot(place.current!, lines, group, live);
    return () => plot.current?.destroy();
  }, [made, group]);
  useLayoutEffect(() => {
    plot.current!.setData([times, ...lines.map((l) => l.values)]);
  }, [times, lines, made]);
  useSize(place, (width, height) => plot.current!.setSize({ width, height }));
  useColours(() => plot.current!.redraw(false));

  const shown = at !== null && at < times.length ? at : times.length - 1;
  const time = at === null || shown < 0 ? "now" : seconds.format(times[shown]! * 1000);
  const said = lines.map((l) => `${l.name} ${say(l.values[shown], format)}`).join(", ");

  const point = (e: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (!step || times.length === 0) return;
    e.preventDefault();
    const to = Math.min(Math.max(shown + step, 0), times.length - 1);
    plot.current!.setCursor({ left: plot.current!.valToPos(times[to]!, "x"), top: 0 });
  };

  return (
    <section class="chart panel">
      <div class="chart-head">
        <h2>{title}</h2>
        <span class="hint">{hint}</span>
      </div>
      <div
        class="chart-plot"
        ref={place}
        role="img"
        aria-label={`${title}, ${time}: ${said || empty}`}
        tabIndex={0}
        onKeyDown={point}
        onBlur={() => plot.current!.setCursor({ left: -10, top: -10 })}
      >
        {lines.length === 0 && (
          <div class="chart-empty">
            <span>{empty}</span>
          </div>
        )}
      </div>
      <ul class="chart-legend">
        {lines.map((l) => (
          <li key={l.name}>
            <span class="chart-swatch" style={{ background: `var(${variable(l.colour)})` }} />
            <span class="truncate">{l.name}</span>
            <strong>{say(l.values[shown], format)}</strong>
          </li>
        ))}
        {at !== null && lines.length > 0 && <li class="soft">at {time}</li>}
      </ul>
    </section>
  );
}

const say = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? "–" : format(value);

/** Tells when an element has another size. */
function useSize(element: { current: HTMLElement | null }, told: (w: number, h: number) => void) {
  useEffect(() => {
    const place = element.current!;
    const resized = new ResizeObserver(() => told(place.clientWidth, place.clientHeight));
    resized.observe(place);
    return () => resized.disconnect();
  }, []);
}

/** Tells when colours are others. */
function useColours(changed: () => void) {
  useEffect(() => {
    const again = () => {
      colours.clear();
      changed();
    };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", again);
    const stop = theme.subscribe(again);
    return () => {
      dark.removeEventListener("change", again);
      stop();
    };
  }, []);
}
