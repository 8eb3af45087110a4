/** Where a figure of a service leads: its traces, logs, metrics and page. */
import { useCallback } from "react";
import type { MenuItem } from "../../components/floats.tsx";
import { useGo } from "../../state/go.ts";
import type { ParamsChange } from "../../state/params.ts";

/** `traces`: what else traces are filtered by. */
export function useServiceMenu(): (service: string, traces?: ParamsChange) => readonly MenuItem[] {
  const go = useGo();
  return useCallback(
    (service, traces = {}) => [
      {
        icon: "explain",
        label: "Explain",
        run: () => go(`/services/${encodeURIComponent(service)}`),
      },
      { icon: "traces", label: "Traces", run: () => go("/traces", { service, ...traces }) },
      { icon: "logs", label: "Logs", run: () => go("/logs", { service }) },
      {
        icon: "metrics",
        label: "Metrics",
        run: () =>
          go("/metrics", {
            name: "traces_spanmetrics_calls_total",
            match: [`service=${service}`],
          }),
      },
    ],
    [go],
  );
}
