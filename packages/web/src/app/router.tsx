/** Addresses and the pages behind them. */
import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { CardinalityPage } from "../pages/cardinality/cardinality-page.tsx";
import { IncidentPage } from "../pages/incidents/incident-page.tsx";
import { IncidentsPage } from "../pages/incidents/incidents-page.tsx";
import { LogsPage } from "../pages/logs/logs-page.tsx";
import { MetricsPage } from "../pages/metrics/metrics-page.tsx";
import { StatusPage } from "../pages/status-page.tsx";
import { TracePage } from "../pages/trace/trace-page.tsx";
import { TracesPage } from "../pages/traces/traces-page.tsx";
import { type Params, parseParams, printParams } from "../state/params.ts";
import { CrashPage, LostPage } from "./lost.tsx";
import { Shell } from "./shell.tsx";

export function createPages() {
  const root = createRootRoute({
    component: Shell,
    notFoundComponent: LostPage,
    errorComponent: CrashPage,
    validateSearch: (search): Params => search as Params,
  });
  const page = (path: string, component: () => React.ReactNode) =>
    createRoute({ getParentRoute: () => root, path, component, errorComponent: CrashPage });
  const home = createRoute({
    getParentRoute: () => root,
    path: "/",
    beforeLoad: ({ search }) => {
      throw redirect({ to: "/traces", search: search as never, replace: true });
    },
  });
  const routeTree = root.addChildren([
    home,
    page("/traces", TracesPage),
    page("/traces/$traceId", TracePage),
    page("/logs", LogsPage),
    page("/metrics", MetricsPage),
    page("/cardinality", CardinalityPage),
    page("/incidents", IncidentsPage),
    page("/incidents/$incidentId", IncidentPage),
    page("/status", StatusPage),
  ]);
  return createRouter({
    routeTree,
    parseSearch: parseParams,
    stringifySearch: printParams,
    defaultPreload: false,
    scrollRestoration: false,
  });
}
