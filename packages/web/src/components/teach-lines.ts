/** The lines that empty pages offer to paste. Addresses come from the server, so they are right for this machine. */

export type Signal = "traces" | "logs" | "metrics";

export interface Recipe {
  readonly name: string;
  readonly lines: string;
}

export function recipesFor(otlpHttp: string, otlpGrpc: string): readonly Recipe[] {
  return [
    {
      name: "@triptych/telemetry",
      lines: [
        "// npm install @triptych/telemetry",
        'import { configureTelemetry, getTelemetry } from "@triptych/telemetry";',
        "",
        `configureTelemetry({ serviceName: "order-service", endpoint: "${otlpHttp}" });`,
        'const telemetry = getTelemetry("orders");',
        'await telemetry.trace("place order", async () => telemetry.logInfo("order placed"));',
      ].join("\n"),
    },
    {
      name: "Any OpenTelemetry SDK",
      lines: [
        "# in the shell that starts your service",
        "export OTEL_SERVICE_NAME=order-service",
        `export OTEL_EXPORTER_OTLP_ENDPOINT=${otlpHttp}`,
        "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        `# or over gRPC: OTEL_EXPORTER_OTLP_PROTOCOL=grpc and the endpoint ${otlpGrpc}`,
      ].join("\n"),
    },
    {
      name: "Node.js, no code",
      lines: [
        "# npm install @opentelemetry/auto-instrumentations-node",
        "OTEL_SERVICE_NAME=order-service \\",
        `OTEL_EXPORTER_OTLP_ENDPOINT=${otlpHttp} \\`,
        "node --import @opentelemetry/auto-instrumentations-node/register app.js",
      ].join("\n"),
    },
    {
      name: "Collector",
      lines: [
        "exporters:",
        "  otlphttp/triptych:",
        `    endpoint: ${otlpHttp}`,
        "service:",
        "  pipelines:",
        "    traces: { exporters: [otlphttp/triptych] }",
        "    metrics: { exporters: [otlphttp/triptych] }",
        "    logs: { exporters: [otlphttp/triptych] }",
      ].join("\n"),
    },
  ];
}

/** One span, line or sample by curl, in a POSIX shell with the present time. */
export function curlLines(signal: Signal, otlpHttp: string): string {
  const service = '{"attributes":[{"key":"service.name","value":{"stringValue":"curl"}}]}';
  const now = "'$(date +%s)'000000000";
  const body: { readonly [signal in Signal]: string } = {
    traces: `{"resourceSpans":[{"resource":${service},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"hello","kind":1,"startTimeUnixNano":"${now}","endTimeUnixNano":"'$(date +%s)'250000000"}]}]}]}`,
    logs: `{"resourceLogs":[{"resource":${service},"scopeLogs":[{"logRecords":[{"timeUnixNano":"${now}","severityNumber":9,"severityText":"INFO","body":{"stringValue":"hello"}}]}]}]}`,
    metrics: `{"resourceMetrics":[{"resource":${service},"scopeMetrics":[{"metrics":[{"name":"hello","gauge":{"dataPoints":[{"timeUnixNano":"${now}","asDouble":1}]}}]}]}]}`,
  };
  return `curl -H 'content-type: application/json' ${otlpHttp}/v1/${signal} -d '${body[signal]}'`;
}
