// What is shown where an application has its video: waves under a sky, drawn by the time of
// day, so that all viewers see the same.
import { useEffect, useRef } from "preact/hooks";
import { serverNow } from "../api/server";

const width = 480;
const height = 270;

/** How long a picture is shown, in milliseconds. */
const frameTime = 1000 / 30;

/** How long a heart flies, in milliseconds, and how many there are at most. */
const flight = 2_600;
const maxHearts = 60;

export interface Cheers {
  /** Has hearts fly over the picture. */
  cheer(): void;
}

interface Heart {
  begin: number;
  x: number;
  sway: number;
}

const layers = [
  { colour: "#2b2a78", y: 0.62, high: 16, long: 190, speed: 14 },
  { colour: "#3d3aa8", y: 0.7, high: 13, long: 150, speed: -20 },
  { colour: "#574fe0", y: 0.79, high: 11, long: 120, speed: 27 },
  { colour: "#8179ff", y: 0.88, high: 8, long: 95, speed: -34 },
];

function paint(c: CanvasRenderingContext2D, now: number, hearts: Heart[]): void {
  const sky = c.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, "#120f36");
  sky.addColorStop(0.75, "#7b3f8f");
  sky.addColorStop(1, "#f08a6b");
  c.fillStyle = sky;
  c.fillRect(0, 0, width, height);
  c.fillStyle = "#ffd9a8";
  c.beginPath();
  c.arc(width * 0.68, height * (0.46 + 0.02 * Math.sin(now / 4000)), 34, 0, 2 * Math.PI);
  c.fill();
  for (const layer of layers) paintWave(c, layer, now / 1000);
  for (const heart of hearts) paintHeart(c, heart, now);
}

function paintWave(c: CanvasRenderingContext2D, layer: (typeof layers)[number], seconds: number) {
  const shift = (seconds * layer.speed) % (layer.long * 2 * Math.PI);
  c.fillStyle = layer.colour;
  c.beginPath();
  c.moveTo(0, height);
  for (let x = 0; x <= width; x += 6) {
    c.lineTo(x, height * layer.y + layer.high * Math.sin((x + shift) / (layer.long / Math.PI)));
  }
  c.lineTo(width, height);
  c.fill();
}

const heartShape = new Path2D("M0 16C-15 6-14-6-7-6-3-6 0-3 0 0 0-3 3-6 7-6 14-6 15 6 0 16z");

function paintHeart(c: CanvasRenderingContext2D, { begin, x, sway }: Heart, now: number): void {
  const age = (now - begin) / flight;
  if (age < 0) return;
  c.save();
  c.translate(x + 14 * Math.sin(age * 7 + sway * 6), height * (1 - 0.85 * age));
  c.scale(0.7 + 0.5 * sway, 0.7 + 0.5 * sway);
  c.globalAlpha = 1 - age ** 3;
  c.fillStyle = "#ff5f8f";
  c.fill(heartShape);
  c.restore();
}

/** Draws on a canvas until the function that it returns is called. */
function animate(canvas: HTMLCanvasElement): Cheers & { stop(): void } {
  const context = canvas.getContext("2d")!;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let hearts: Heart[] = [];
  let drawn = -Infinity;
  let request = 0;
  const draw = (at: number) => {
    request = requestAnimationFrame(draw);
    const pause = still.matches ? 1000 : frameTime - 2;
    if (at - drawn < pause) return;
    drawn = at;
    const now = serverNow();
    hearts = hearts.filter((heart) => now - heart.begin < flight);
    paint(context, still.matches ? 0 : now, still.matches ? [] : hearts);
  };
  request = requestAnimationFrame(draw);
  return {
    cheer: () => {
      const fresh = Array.from({ length: 12 }, (_, i) => ({
        begin: serverNow() + i * 60,
        x: width * (0.1 + 0.8 * Math.random()),
        sway: Math.random(),
      }));
      hearts = [...hearts, ...fresh].slice(-maxHearts);
    },
    stop: () => cancelAnimationFrame(request),
  };
}

/** The placeholder of a video. onReady is given what can be done to it. */
export function Picture({ onReady }: { onReady: (cheers: Cheers) => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const picture = animate(canvas.current!);
    onReady(picture);
    return picture.stop;
  }, []);
  return (
    <div class="picture">
      <canvas
        ref={canvas}
        width={width}
        height={height}
        role="img"
        aria-label="Waves under an evening sky, in place of a video"
      />
      <span class="picture-live">Live</span>
    </div>
  );
}
