/** Errors as gRPC says them: a code, a short text, and a `google.rpc.Status` with details in the trailers. */
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import type { TriptychError } from "@triptych/model";
import { encodeStatus } from "@triptych/wire";
import { cutMessage, refusal } from "./receiver.ts";

/** Trailers carry the text up to three times, escaped; some clients take 8 KiB of them in all. */
const DETAILS_CHARS_MAX = 400;

/** The status that ends a refused call; with RetryInfo exactly when the sender should try again. */
export function grpcRefusal(error: TriptychError): StatusObject {
  const answer = refusal(error);
  const code = error.spec.grpc;
  const details = cutMessage(answer.message, DETAILS_CHARS_MAX);
  const { retryAfterSeconds } = answer;
  const metadata = new Metadata();
  const bytes = encodeStatus("protobuf", {
    code,
    message: details,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(error.spec.status === 400 ? { fieldViolation: details } : {}),
  });
  metadata.set("grpc-status-details-bin", Buffer.from(bytes));
  return { code, details, metadata };
}
