export { FaultFs, type Faults, PowerLoss } from "./fault-fs.ts";
export { createRng, type Rng } from "./rng.ts";
export { createSimClock, type SimClock } from "./sim-clock.ts";
