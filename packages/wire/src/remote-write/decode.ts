/**
 * Decodes the messages of Prometheus remote write, 1.0 and 2.0, straight into a `SampleBatch`. In comes the
 * decompressed body; out come the batch and what was refused of it, one by one and by reason. Throws `wire_*` with
 * the byte offset when the body is not the message or has more items than a request may have.
 */
import type { SampleBatch } from "@triptych/model";
import { ProtobufReader } from "../protobuf-reader.ts";
import { readVersion1 } from "./version-1.ts";
import { readVersion2 } from "./version-2.ts";
import {
  type RemoteWriteOptions,
  type RemoteWriteRejection,
  WriteRequest,
} from "./write-request.ts";

export type RemoteWriteVersion = "1.0" | "2.0";

export interface DecodedRemoteWrite {
  readonly batch: SampleBatch;
  /** Samples and histograms refused one by one, but what is left out untold: a bad exemplar, in 1.0 bad labels. */
  readonly rejected: number;
  /** Why the first of them was refused, "" when none was. */
  readonly reason: string;
  /** All that was refused, exemplars too. */
  readonly rejections: ReadonlyMap<RemoteWriteRejection, number>;
}

/** A sample with its labels takes about this many bytes; a hint for the first size of the columns. */
const BYTES_PER_SAMPLE = 64;

/** What Prometheus does not tell a sender: of 1.0 a series with wrong labels is left out and the request is taken. */
const untold: { readonly [version in RemoteWriteVersion]: readonly RemoteWriteRejection[] } = {
  "1.0": ["exemplar_invalid", "label_invalid"],
  "2.0": ["exemplar_invalid"],
};

export function* decodeRemoteWrite(
  body: Uint8Array,
  version: RemoteWriteVersion,
  options: RemoteWriteOptions,
): Generator<void, DecodedRemoteWrite> {
  const rowsHint = Math.max(16, Math.min(65_536, Math.ceil(body.length / BYTES_PER_SAMPLE)));
  const request = new WriteRequest(options, rowsHint, untold[version]);
  const reader = new ProtobufReader(body);
  if (version === "1.0") yield* readVersion1(reader, request);
  else yield* readVersion2(reader, request);
  const { batch, rejected, reason, rejections } = request;
  return { batch, rejected, reason, rejections };
}
