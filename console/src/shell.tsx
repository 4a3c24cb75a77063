// The frame around every page: where one can go, whether changes arrive, who is signed in.
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { remove } from "./api/client";
import { useLive, useLiveState } from "./api/live";
import * as queries from "./api/queries";
import { total } from "./lib/severity";
import { Icon, type IconName, Logo } from "./ui/icons";
import { Keys } from "./ui/keys";
import { ThemeButton } from "./ui/theme";

const PLACES: { to: string; name: string; icon: IconName }[] = [
  { to: "/", name: "Overview", icon: "overview" },
  { to: "/incidents", name: "Incidents", icon: "incidents" },
  { to: "/alerts", name: "Alerts", icon: "alerts" },
  { to: "/images", name: "Images", icon: "images" },
  { to: "/workloads", name: "Workloads", icon: "workloads" },
  { to: "/nodes", name: "Nodes", icon: "nodes" },
  { to: "/coverage", name: "Coverage", icon: "coverage" },
];

const LIVE_TEXT = { connecting: "Connecting…", live: "Live", broken: "Not live: what you see may be old" };

export function Shell() {
  useLive();
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    // A new page begins at its top, for eyes and for readers.
    main.current?.scrollTo({ top: 0 });
  }, [path]);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Rail path={path} />
      <TopBar />
      <main id="main" className="page" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

function Rail({ path }: { path: string }) {
  const session = useQuery(queries.session);
  const overview = useQuery(queries.overview(undefined));
  const open = overview.data ? total(overview.data.open_incidents) : 0;
  return (
    <nav className="rail" aria-label="Console">
      <Link to="/" className="brand">
        <Logo /> Seawall
      </Link>
      {PLACES.map((place) => {
        const here = place.to === "/" ? path === "/" : path === place.to || path.startsWith(`${place.to}/`);
        return (
          <Link key={place.to} to={place.to} className="rail-link" aria-current={here ? "page" : undefined}>
            <Icon name={place.icon} />
            {place.name}
            {place.to === "/incidents" && open > 0 ? (
              <span className="count">
                {open}
                <span className="hidden-label"> open</span>
              </span>
            ) : null}
          </Link>
        );
      })}
      <p className="rail-foot">{session.data ? `Seawall ${session.data.version}` : ""}</p>
    </nav>
  );
}

function TopBar() {
  const session = useQuery(queries.session);
  const live = useLiveState();
  return (
    <header className="topbar">
      <span className="muted">
        Cluster <span className="strong">{session.data?.cluster ?? "…"}</span>
      </span>
      <span className="live spread" data-state={live} role="status">
        {LIVE_TEXT[live]}
      </span>
      <span className="muted">{session.data ? `${session.data.name} (${session.data.role})` : ""}</span>
      <Keys />
      <ThemeButton />
      <button
        type="button"
        className="button quiet"
        aria-label="Sign out"
        title="Sign out"
        onClick={() => void remove("/session").finally(() => window.location.assign("/login"))}
      >
        <Icon name="out" />
      </button>
    </header>
  );
}
