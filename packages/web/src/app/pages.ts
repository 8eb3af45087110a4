/** The pages of the rail, the palette and the `g` keys: one list. */
import type { IconName } from "../components/icon.tsx";

export interface PageEntry {
  readonly name: string;
  readonly to: string;
  readonly icon: IconName;
  /** Second key after `g`. */
  readonly key: string;
}

export const pages: readonly PageEntry[] = [
  { name: "Traces", to: "/traces", icon: "traces", key: "t" },
  { name: "Logs", to: "/logs", icon: "logs", key: "l" },
  { name: "Metrics", to: "/metrics", icon: "metrics", key: "m" },
  { name: "Cardinality", to: "/cardinality", icon: "group", key: "c" },
  { name: "Incidents", to: "/incidents", icon: "incident", key: "i" },
];
export const statusEntry: PageEntry = {
  name: "Status of Triptych",
  to: "/status",
  icon: "status",
  key: "s",
};
