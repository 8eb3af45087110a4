/** Addresses and the pages behind them. */
import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { AlertsPage } from "../pages/alerts/alerts-page.tsx";
import { CardinalityPage } from "../pages/cardinality/cardinality-page.tsx";
import { ComparePage } from "../pages/compare/compare-page.tsx";
import { HomePage } from "../pages/home/home-page.tsx";
import { IncidentPage } from "../pages/incidents/incident-page.tsx";
import { IncidentsPage } from "../pages/incidents/incidents-page.tsx";
import { LogsPage } from "../pages/logs/logs-page.tsx";
import { MetricsPage } from "../pages/metrics/metrics-page.tsx";
import { ServicePage } from "../pages/services/service-page.tsx";
import { ServicesPage } from "../pages/services/services-page.tsx";
import { StatusWithTabs } from "../pages/targets/status-tabs.tsx";
import { TargetsPage } from "../pages/targets/targets-page.tsx";
import { TracePage } from "../pages/trace/trace-page.tsx";
import { TracesPage } from "../pages/traces/traces-page.tsx";
import { rootPath } from "../api/root-path.ts";
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
  const routeTree = root.addChildren([
    page("/", HomePage),
    page("/traces", TracesPage),
    page("/traces/$traceId", TracePage),
    page("/traces/$traceId/compare", ComparePage),
    page("/logs", LogsPage),
    page("/metrics", MetricsPage),
    page("/cardinality", CardinalityPage),
    page("/services", ServicesPage),
    page("/services/$service", ServicePage),
    page("/alerts", AlertsPage),
    page("/incidents", IncidentsPage),
    page("/incidents/$incidentId", IncidentPage),
    page("/status", StatusWithTabs),
    page("/targets", TargetsPage),
  ]);
  return createRouter({
    routeTree,
    basepath: rootPath === "" ? "/" : rootPath,
    parseSearch: parseParams,
    stringifySearch: printParams,
    defaultPreload: false,
    scrollRestoration: false,
  });
}
