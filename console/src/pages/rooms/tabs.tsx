import { useValue } from "../../lib/state";
import { href, place } from "../../router";

/** The pages of a room. */
export function RoomTabs({ room }: { room: string }) {
  const { path } = useValue(place);
  const live = path.endsWith("/live");
  return (
    <nav class="tabs" aria-label="Pages of the room">
      <a href={href(["rooms", room])} aria-current={live ? undefined : "page"}>
        Settings
      </a>
      <a href={href(["rooms", room, "live"])} aria-current={live ? "page" : undefined}>
        Live
      </a>
    </nav>
  );
}
