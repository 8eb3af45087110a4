/** The pages of the rail, the palette and the `g` keys: one list. */
import type { IconName } from "../components/icon.tsx";

export interface PageEntry {
  readonly name: string;
  readonly to: string;
  readonly icon: IconName;
  /** Second key after `g`. */
  readonly key: string;
  /** Reached from another page: it stands in the palette and has a key, but not in the rail. */
  readonly hidden?: boolean;
}

export const pages: readonly PageEntry[] = [
  { name: "Home", to: "/", icon: "home", key: "h" },
  { name: "Services", to: "/services", icon: "services", key: "s" },
  { name: "Traces", to: "/traces", icon: "traces", key: "t" },
  { name: "Logs", to: "/logs", icon: "logs", key: "l" },
  { name: "Metrics", to: "/metrics", icon: "metrics", key: "m" },
  { name: "Cardinality", to: "/cardinality", icon: "group", key: "c" },
  { name: "Alerts", to: "/alerts", icon: "alert", key: "a" },
  { name: "Incidents", to: "/incidents", icon: "incident", key: "i" },
  { name: "Targets", to: "/targets", icon: "status", key: "x", hidden: true },
];
export const statusEntry: PageEntry = {
  name: "Status of Triptych",
  to: "/status",
  icon: "status",
  key: "u",
};
