/** Reads a request body under a cap and a budget. Nothing is allocated because a header says so. */
import type { IncomingMessage } from "node:http";
import { TriptychError } from "@triptych/model";
import type { Hold } from "./inflate-stream.ts";

/**
 * The whole body as sent. Throws `wire_too_large` at once when the headers declare more than `maxBytes` or when more
 * arrives, `wire_malformed` when the upload is cut off, and whatever `hold` throws. What is left of a refused body
 * is thrown away by the server, within its request timeout.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  hold: Hold,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let total = 0;
    const finish = () => {
      request.off("data", onData).off("end", onEnd).off("error", onCut).off("close", onCut);
      // A body that breaks off after it was refused must not be an uncaught error.
      request.on("error", ignore);
    };
    const fail = (error: unknown) => {
      finish();
      parts.length = 0;
      request.resume();
      reject(error);
    };
    const onData = (part: Uint8Array) => {
      total += part.length;
      if (total > maxBytes) return fail(tooLarge(maxBytes));
      try {
        hold(part.length);
      } catch (thrown) {
        return fail(thrown);
      }
      parts.push(part);
    };
    const onEnd = () => {
      finish();
      resolve(parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, total));
    };
    const onCut = () =>
      fail(new TriptychError("wire_malformed", `The upload was cut off after ${total} bytes.`));
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) return fail(tooLarge(maxBytes));
    if (request.destroyed) return onCut();
    request.on("data", onData).on("end", onEnd).on("error", onCut).on("close", onCut);
  });
}

function ignore(): void {
  // Nobody waits for this body any more.
}

function tooLarge(maxBytes: number): TriptychError {
  return new TriptychError("wire_too_large", `The body is larger than ${maxBytes} bytes.`);
}
