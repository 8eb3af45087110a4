/** Puts the Pushgateway together: what keeps its groups, what takes its samples, and its addresses. */
import type { Clock, ErrorCode, Limits, TriptychError } from "@triptych/model";
import type { FastifyInstance } from "fastify";
import type { IngestNext } from "../next.ts";
import { createPushgateway, type PushedGroup, type Pushgateway } from "./gateway.ts";
import { registerPushgateway } from "./http.ts";

export interface PushgatewayParts {
  readonly app: FastifyInstance;
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: (level: "warn" | "error", message: string, fields: { code: ErrorCode }) => void;
  /** Where groups survive the process. */
  readonly saved: {
    load(): Promise<readonly PushedGroup[]>;
    save(entry: { key: string; version: number; value: PushedGroup }): Promise<void>;
  };
  readonly onClose: (close: () => Promise<void>) => void;
}

const PREFIX = "/pushgateway";

/** Takes pushes as soon as `app` listens; emits from `start()` on. */
export function openPushgateway(parts: PushgatewayParts): Pushgateway {
  const { app, next, limits, clock, log, saved } = parts;
  const gateway = createPushgateway({
    next,
    limits,
    clock,
    load: saved.load,
    save: (key, value) => saved.save({ key, version: value.version, value }),
    onError: ({ code, message }) => log("warn", `pushed metrics: ${message}`, { code }),
  });
  const report = ({ code, message }: TriptychError): void => log("error", message, { code });
  registerPushgateway(app, { gateway, next, report, prefix: PREFIX });
  parts.onClose(() => gateway.close());
  return gateway;
}
