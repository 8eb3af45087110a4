/** The instrumentations that need no code in the application, and how they see what it imports. */
import type { IncomingMessage } from "node:http";
import { FastifyOtelInstrumentation } from "@fastify/otel";
import { ExpressInstrumentation, ExpressLayerType } from "@opentelemetry/instrumentation-express";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { type Instrumentation, registerInstrumentations } from "@opentelemetry/instrumentation";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { patchBuiltinImports, patchCommonjsImports } from "./commonjs-imports.ts";
import type { TelemetryOptions } from "./options.ts";

/** Starts them; the result stops them. Uses the providers that are registered globally by then. */
export function startInstrumentations(options: TelemetryOptions): () => void {
  const instrumentations: Instrumentation[] = [...(options.instrumentations ?? [])];
  if (options.instrument !== false) instrumentations.push(...builtInInstrumentations(options));
  if (instrumentations.length === 0) return () => {};
  const stop = registerInstrumentations({ instrumentations });
  patchCommonjsImports();
  patchBuiltinImports();
  return stop;
}

function builtInInstrumentations(options: TelemetryOptions): Instrumentation[] {
  const ignored = new Set(options.ignorePaths ?? []);
  const ignoreIncomingRequestHook = (request: IncomingMessage) =>
    ignored.has((request.url ?? "").split("?", 1)[0] ?? "");
  return [
    new HttpInstrumentation({ ignoreIncomingRequestHook }),
    new UndiciInstrumentation(),
    // A span for each middleware drowns what the application does; the route reaches the HTTP span anyway.
    new ExpressInstrumentation({ ignoreLayersType: [ExpressLayerType.MIDDLEWARE] }),
    // Fastify announces each instance on a diagnostics channel, so neither require nor import needs patching.
    new FastifyOtelInstrumentation({
      registerOnInitialization: true,
      instrumentHooks: false,
      instrumentHandler: false,
      ignorePaths: (route) => ignored.has(route.url.split("?", 1)[0] ?? ""),
    }),
  ];
}
