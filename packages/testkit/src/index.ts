export { type AckLedger, openAckLedger } from "./ack-ledger.ts";
export { type ClickhouseFront, startClickhouseFront } from "./clickhouse-front/clickhouse-front.ts";
export type { FrontFaults } from "./clickhouse-front/faults.ts";
export { debianTree } from "./debian-tree.ts";
export { ensureProgram } from "./ensure-program.ts";
export { FaultFs, type Faults, PowerLoss } from "./fault-fs.ts";
export { freePort } from "./free-port.ts";
export { type Answer, createGrpcClient, createHttpClient, type OtlpClient } from "./otlp-client.ts";
export { type Encoding, encodePayload, type Payload, type Signal } from "./otlp-payload.ts";
export { createRandomPromql3, randomPromqlNames } from "./random-promql-3.ts";
export {
  type RandomLogEntry,
  type RandomLogLines,
  type RandomLogStream,
  randomLine,
  randomLineKinds,
  randomLogStreams,
} from "./random-log-lines.ts";
export { createRandomLogql, type RandomLogql } from "./random-logql.ts";
export { createRandomPromql, type RandomPromql } from "./random-promql.ts";
export { createRandomTraceql, type RandomTraceql } from "./random-traceql.ts";
export { type RandomTrace, type RandomTracesSize, randomTraces } from "./random-traces.ts";
export { createRng, type Rng } from "./rng.ts";
export { createSimClock, type SimClock } from "./sim-clock.ts";
export {
  type Exit,
  type RunningServer,
  repositoryRoot,
  type StartServerOptions,
  startServer,
} from "./start-server.ts";
