// Light or dark: as the device has it, unless the user chose one.
import { browserStore } from "./lib/storage";
import { State } from "./lib/state";

export type Theme = "auto" | "light" | "dark";

const key = "theme";
const isTheme = (text: string | null): text is Theme => text === "light" || text === "dark";

const kept = browserStore.get(key);
export const theme = new State<Theme>(isTheme(kept) ? kept : "auto");

function show(): void {
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

theme.subscribe(() => {
  browserStore.set(key, theme.value === "auto" ? null : theme.value);
  show();
});
show();
