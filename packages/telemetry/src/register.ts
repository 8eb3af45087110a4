/**
 * `node --import @triptych/telemetry/register app.js`: configures everything from OpenTelemetry's environment
 * variables before the application's first line, and flushes when the process is told to stop.
 */
import { configureTelemetry } from "./configure-telemetry.ts";

configureTelemetry({ shutdownOnSignals: true });
