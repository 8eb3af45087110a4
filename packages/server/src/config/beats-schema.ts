/** `beats` and its keys: where Filebeat and other Beats send to, as they do to Logstash. */
import { z } from "zod";

export const beatsSchema = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Whether the Beats protocol is taken."),
    port: z.int().min(0).max(65_535).default(5044).describe("TCP port."),
    tlsCertFile: z.string().default("").describe("Certificate; TLS is spoken when it is given."),
    tlsKeyFile: z.string().default("").describe("Key of the certificate."),
    tlsClientCaFile: z.string().default("").describe("Senders must have a certificate of these."),
    connectionsMax: z
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe("Senders at once; further connections are closed."),
    frameBytesMax: z
      .int()
      .min(1_024)
      .max(64 * 1024 * 1024)
      .default(32 * 1024 * 1024)
      .describe("Bytes of one frame, also after decompression."),
  })
  .prefault({})
  .describe("Logs from Filebeat and other Beats, by what they speak with Logstash.");

export type BeatsConfig = z.output<typeof beatsSchema>;
