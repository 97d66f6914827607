// The icons, drawn in a square of 20 units with a line of constant width.

const paths = {
  overview: "M3 3.5h6v7H3zM11 3.5h6v4h-6zM11 10.5h6v6h-6zM3 13.5h6v3H3z",
  rooms: "M4 4h12a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 16 14h-6l-4 3v-3H4a1.5 1.5 0 0 1-1.5-1.5v-7A1.5 1.5 0 0 1 4 4z",
  token: "M7 13.5a3.5 3.5 0 1 1 3.3-4.7L17 8.8v3h-2v1.7h-2.5v-1.7h-2.2A3.5 3.5 0 0 1 7 13.5zM6.5 10h.01",
  logs: "M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5M7.5 9.5h5.5M7.5 12.5h5.5",
  code: "M7 6l-4.5 4L7 14M13 6l4.5 4L13 14M11.5 4l-3 12",
  play: "M6 4l10 6-10 6z",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.5 13.5L17.5 17.5",
  plus: "M10 4v12M4 10h12",
  close: "M5 5l10 10M15 5L5 15",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  trash: "M3.5 5.5h13M8 5.5V3.5h4v2M5 5.5l.8 11h8.4l.8-11M8.5 8.5v5M11.5 8.5v5",
  edit: "M4 16l.8-3.2L13.5 4a1.6 1.6 0 0 1 2.4 2.4l-8.7 8.8zM12 5.5L14.5 8",
  copy: "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
  check: "M4 10.5l4 4 8-9",
  alert: "M10 3l7.5 13.5h-15zM10 8v4M10 14.3v.01",
  info: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM10 9v5M10 6.3v.01",
  user: "M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3.5 17c.6-3 3-4.5 6.5-4.5s5.9 1.5 6.5 4.5",
  leave: "M12 3.5H4.5v13H12M9 10h8.5M14.5 7l3 3-3 3",
  kick: "M8.5 10a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6zM2.5 17c.5-3 2.6-4.5 6-4.5 1 0 1.9.1 2.7.4M13.5 13.5l4 4M17.5 13.5l-4 4",
  sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M15.7 4.3l-1.1 1.1M5.4 14.6l-1.1 1.1",
  moon: "M16.5 11.8A7 7 0 0 1 8.2 3.5a7 7 0 1 0 8.3 8.3z",
  auto: "M3 4h14v9.5H3zM7 16.5h6M10 13.5v3",
  left: "M12.5 4.5L7 10l5.5 5.5",
  right: "M7.5 4.5L13 10l-5.5 5.5",
  down: "M4.5 7.5L10 13l5.5-5.5",
  download: "M10 3v10M5.5 8.5L10 13l4.5-4.5M3.5 16.5h13",
  send: "M3 10l14-6.5-4.5 14-3-6z",
  event: "M11 2.5L4 11.5h5l-1 6 7-9h-5z",
  pause: "M7 4.5v11M13 4.5v11",
  refresh: "M16.5 10a6.5 6.5 0 1 1-2-4.7M16.5 3v3.5H13",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon-svg" viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
