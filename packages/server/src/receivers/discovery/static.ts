/** `static_configs`: what the file lists. */
import type { StaticGroup } from "../../config/prometheus/discovery-config.ts";
import type { Discoverer } from "./target-group.ts";

export function staticGroups({ targets, labels }: StaticGroup): Discoverer {
  return {
    start: (emit) =>
      emit([
        {
          source: "static",
          labels,
          targets: targets.map((one) => new Map([["__address__", one]])),
        },
      ]),
    close() {
      // Nothing runs.
    },
  };
}
