/** For tests of what asks servers: targets on loopback, and configurations from text. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parsePrometheusConfig, type PrometheusConfig } from "../config/prometheus/load.ts";

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FakeTarget {
  readonly address: string;
  readonly requests: IncomingMessage[];
  answer: Answer;
  close(): Promise<void>;
}

export const exposes =
  (body: string | Uint8Array, type = "text/plain; version=0.0.4"): Answer =>
  (_request, response) => {
    response.setHeader("content-type", type);
    response.end(body);
  };

export async function fakeTarget(answer: Answer): Promise<FakeTarget> {
  const requests: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(request);
    target.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target: FakeTarget = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return target;
}

export function configOf(text: string): PrometheusConfig {
  return parsePrometheusConfig(text, "prometheus.yml", {
    files: { readText: () => "", glob: () => [], env: () => undefined },
  });
}
