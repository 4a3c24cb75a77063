// Routes. Filters are part of the address, so that a view can be sent to a colleague.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { NotFound } from "./pages/not-found";
import { Shell } from "./shell";
import { Failure } from "./ui/parts";

/** Every page takes filters as plain strings; each page knows which of them it uses. */
export type Filters = { [name: string]: string | undefined };

const readFilters = (search: Record<string, unknown>): Filters => {
  const filters: Filters = {};
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") filters[name] = String(value);
  }
  return filters;
};

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, validateSearch: readFilters });

const routes = [
  createRoute({ getParentRoute: () => root, path: "/", component: lazyRouteComponent(() => import("./pages/overview"), "OverviewPage") }),
  createRoute({ getParentRoute: () => root, path: "/alerts", component: lazyRouteComponent(() => import("./pages/alerts"), "AlertsPage") }),
  createRoute({ getParentRoute: () => root, path: "/alerts/$alertId", component: lazyRouteComponent(() => import("./pages/alert"), "AlertPage") }),
  createRoute({ getParentRoute: () => root, path: "/incidents", component: lazyRouteComponent(() => import("./pages/incidents"), "IncidentsPage") }),
  createRoute({ getParentRoute: () => root, path: "/incidents/$incidentId", component: lazyRouteComponent(() => import("./pages/incident"), "IncidentPage") }),
  createRoute({ getParentRoute: () => root, path: "/images", component: lazyRouteComponent(() => import("./pages/images"), "ImagesPage") }),
  createRoute({ getParentRoute: () => root, path: "/images/$imageId", component: lazyRouteComponent(() => import("./pages/image"), "ImagePage") }),
  createRoute({ getParentRoute: () => root, path: "/workloads", component: lazyRouteComponent(() => import("./pages/workloads"), "WorkloadsPage") }),
  createRoute({ getParentRoute: () => root, path: "/nodes", component: lazyRouteComponent(() => import("./pages/nodes"), "NodesPage") }),
  createRoute({ getParentRoute: () => root, path: "/nodes/$cluster/$node", component: lazyRouteComponent(() => import("./pages/node"), "NodePage") }),
  createRoute({ getParentRoute: () => root, path: "/coverage", component: lazyRouteComponent(() => import("./pages/coverage"), "CoveragePage") }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: "intent",
  defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
  // Plain query strings: `?severity=High,Medium` instead of quoted JSON.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(search)) if (value) query.set(name, String(value));
    const text = query.toString().replaceAll("%2C", ",");
    return text ? `?${text}` : "";
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
