/** The watch that opens and closes incidents, with its memory. */
import type { Incident } from "@triptych/contract";
import { createIncidentWatch } from "../incidents/watch.ts";
import { systemClock as clock } from "../self/clock.ts";
import { createSavedState } from "../store/saved-state.ts";
import type { Core } from "./core.ts";
import type { Storage } from "./storage.ts";

export function createIncidents(core: Core, storage: Storage) {
  const saved = createSavedState<Incident>("incident", storage);
  const watch = createIncidentWatch({
    engine: storage.store.engine,
    clock,
    thresholdSeconds: core.config.incidents.latencySeconds,
    windowMs: 60_000,
    intervalMs: 5_000,
    load: saved.load,
    save: (incident) => saved.save({ key: incident.id, version: clock.nowMs(), value: incident }),
    onError: (error) => core.log("warn", "incident watch", { error: error.message }),
  });
  core.onClose(() => watch.close());
  return watch;
}
