// The console as a whole: the sign-in page, or the frame with one of the pages in it.
import { Component, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useValue } from "./lib/state";
import { useLoad } from "./lib/load";
import { home, routes, type PageProps } from "./pages";
import { SignIn } from "./pages/signin";
import { href, match, place } from "./router";
import { session, start, type Session } from "./session";
import { Shell } from "./shell";
import { Empty, LoadFailure, Skeleton } from "./ui/notice";
import { Toasts } from "./ui/toast";

export function App() {
  const started = useLoad(start, []);
  const current = useValue(session);
  return (
    <>
      {started.error !== undefined ? (
        <main class="page">
          <LoadFailure error={started.error} retry={started.reload} />
        </main>
      ) : started.loading ? null : current ? (
        <Shell session={current}>
          <Pages session={current} />
        </Shell>
      ) : (
        <SignIn />
      )}
      <Toasts />
    </>
  );
}

/** Shows the page that the address names. */
function Pages({ session }: { session: Session }) {
  const { path, query } = useValue(place);
  const wanted = path === "/" ? home : path;
  for (const route of routes) {
    const parameters = match(route.pattern, wanted);
    if (parameters) {
      // Another region, and another room, is another page.
      const key = [route.pattern, session.access.region, ...Object.values(parameters)].join(" ");
      return <LoadedPage key={key} load={route.load} props={{ session, parameters, query }} />;
    }
  }
  return (
    <div class="page">
      <Empty icon="search" title="There is no such page">
        <a href={href(["rooms"])}>Go to the rooms</a>
      </Empty>
    </div>
  );
}

function LoadedPage({ load, props }: { load: (typeof routes)[number]["load"]; props: PageProps }) {
  const page = useLoad(() => load(), [load]);
  if (page.error !== undefined) {
    return (
      <div class="page">
        <LoadFailure error={page.error} retry={() => location.reload()} />
      </div>
    );
  }
  if (!page.data) {
    return (
      <div class="page">
        <Skeleton />
      </div>
    );
  }
  const Page = page.data.default;
  return (
    <Boundary>
      <Page {...props} />
    </Boundary>
  );
}

/** Keeps a mistake in one page from taking the others away. */
class Boundary extends Component<{ children: ComponentChildren }, { error?: unknown }> {
  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }

  render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <div class="page">
        <LoadFailure error={this.state.error} retry={() => this.setState({ error: undefined })} />
      </div>
    );
  }
}

/**
 * The head of a page: its title, which is the tab's too and has the focus after a change of
 * page, what leads back, and what can be done.
 */
export function PageHead(props: {
  title: string;
  lead?: ComponentChildren;
  crumbs?: { label: string; href: string }[];
  children?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  const [first] = useState(() => document.activeElement === document.body && !navigated);
  useEffect(() => {
    document.title = `${props.title} · Parley`;
  }, [props.title]);
  useEffect(() => {
    navigated = true;
    if (!first) heading.current?.focus();
  }, []);
  return (
    <header class="page-head">
      <div class="grow">
        {props.crumbs && (
          <nav class="crumbs" aria-label="Breadcrumb">
            {props.crumbs.map((c) => (
              <a key={c.href} href={c.href}>
                {c.label}
              </a>
            ))}
          </nav>
        )}
        <h1 tabIndex={-1} ref={heading} class="truncate">
          {props.title}
        </h1>
        {props.lead && <p class="lead">{props.lead}</p>}
      </div>
      {props.children && <div class="row wrap">{props.children}</div>}
    </header>
  );
}

/** Whether a page was shown before: the first one leaves the focus where it is. */
let navigated = false;
