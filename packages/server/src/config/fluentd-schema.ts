/** `fluentd` and its keys: where Fluentd and Fluent Bit forward to. */
import { z } from "zod";

const userSchema = z.strictObject({
  username: z.string().min(1).describe("Name of the sender."),
  password: z.string().min(1).describe("Its password."),
});

export const fluentdSchema = z
  .strictObject({
    enabled: z.boolean().default(false).describe("Whether the forward protocol is taken."),
    port: z.int().min(0).max(65_535).default(24_224).describe("TCP port, and UDP for heartbeats."),
    sharedKey: z.string().default("").describe("Senders must know it; empty asks for none."),
    hostname: z.string().default("").describe("Our name in the handshake; the host's if empty."),
    users: z.array(userSchema).max(1_000).default([]).describe("Who may send; empty is anyone."),
    tlsCertFile: z.string().default("").describe("Certificate; TLS is spoken when it is given."),
    tlsKeyFile: z.string().default("").describe("Key of the certificate."),
    tlsClientCaFile: z.string().default("").describe("Senders must have a certificate of these."),
    connectionsMax: z.int().min(1).max(100_000).default(1_000).describe("Senders at once."),
    messageBytesMax: z
      .int()
      .min(1_024)
      .max(64 * 1024 * 1024)
      .default(32 * 1024 * 1024)
      .describe("Bytes of one message, also after decompression."),
  })
  .prefault({})
  .describe("Logs from Fluentd and Fluent Bit by their forward protocol.");

export type FluentdConfig = z.output<typeof fluentdSchema>;
