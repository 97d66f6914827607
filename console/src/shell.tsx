// The frame around the pages: where one can go, and who is signed in.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import icon from "./icon.svg";
import { useValue } from "./lib/state";
import { home, navigation } from "./pages";
import { place } from "./router";
import { changeRegion, settings, signOut, type Session } from "./session";
import { theme, type Theme } from "./theme";
import { Button } from "./ui/button";
import { Icon, type IconName } from "./ui/icon";

export function Shell({ session, children }: { session: Session; children: ComponentChildren }) {
  const [open, setOpen] = useState(false);
  const here = useValue(place);
  useEffect(() => setOpen(false), [here]);
  const menu = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    menu.current?.focus();
  };
  return (
    <div class="shell" onKeyDown={(e) => open && e.key === "Escape" && close()}>
      <a
        class="skip"
        href="#main"
        onClick={(e) => {
          e.preventDefault(); // the address belongs to the router
          document.getElementById("main")?.focus();
        }}
      >
        Skip to content
      </a>
      <div class="topbar">
        <Brand />
        <Button
          kind="quiet"
          icon="menu"
          ref={menu}
          aria-label="Menu"
          aria-expanded={open}
          onClick={() => setOpen(true)}
        />
      </div>
      {open && <button class="scrim" aria-label="Close the menu" onClick={close} />}
      <aside class={open ? "sidebar open" : "sidebar"} aria-label="Console">
        <Brand />
        <nav class="nav" aria-label="Pages">
          {navigation.map((entry) => (
            <a
              key={entry.path}
              href={"#" + entry.path}
              aria-current={isHere(entry.path, here.path) ? "page" : undefined}
            >
              <Icon name={entry.icon} />
              {entry.label}
            </a>
          ))}
        </nav>
        <Identity session={session} />
      </aside>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

export function Brand() {
  return (
    <a class="brand" href="#/">
      <img src={icon} alt="" />
      Parley
    </a>
  );
}

const isHere = (entry: string, path: string): boolean =>
  path === entry || path.startsWith(entry + "/") || (entry === home && path === "/");

function Identity({ session }: { session: Session }) {
  const { regions } = useValue(settings);
  const { accessKeyId, region } = session.access;
  return (
    <div class="sidebar-foot">
      <select
        class="input"
        aria-label="Region"
        value={region}
        onChange={(e) => changeRegion(e.currentTarget.value)}
      >
        {regions.map((r) => (
          <option key={r}>{r}</option>
        ))}
      </select>
      <ThemeSwitch />
      <div class="identity">
        <div class="who grow">
          <div class="truncate mono" title={accessKeyId}>
            {accessKeyId}
          </div>
          <div class="hint">{session.open ? "development mode" : "signed in"}</div>
        </div>
        <Button kind="quiet" icon="leave" aria-label="Sign out" onClick={signOut} />
      </div>
    </div>
  );
}

const themes: { value: Theme; label: string; icon: IconName }[] = [
  { value: "auto", label: "As the device", icon: "auto" },
  { value: "light", label: "Light", icon: "sun" },
  { value: "dark", label: "Dark", icon: "moon" },
];

export function ThemeSwitch() {
  const chosen = useValue(theme);
  return (
    <div class="segments" role="group" aria-label="Colours">
      {themes.map((t) => (
        <button
          key={t.value}
          type="button"
          class="grow"
          aria-pressed={chosen === t.value}
          aria-label={t.label}
          title={t.label}
          onClick={() => (theme.value = t.value)}
        >
          <Icon name={t.icon} />
        </button>
      ))}
    </div>
  );
}
