/** `syslog`, `logstash` and `elasticsearch` and their keys: where shippers of log lines send to. */
import { z } from "zod";

const port = (value: number, doc: string) =>
  z.int().min(0).max(65_535).default(value).describe(doc);
const enabled = (doc: string) => z.boolean().default(false).describe(doc);
const connectionsMax = z
  .int()
  .min(1)
  .max(100_000)
  .default(512)
  .describe("Senders at once; further connections are closed.");

/** Port 514 needs the right to bind it, so the usual one for programs without it is the default. */
const SYSLOG_PORT = 5514;

export const syslogSchema = z
  .strictObject({
    enabled: enabled("Whether syslog is taken, over UDP and TCP, and over TLS with a certificate."),
    udpPort: port(SYSLOG_PORT, "Where datagrams are taken."),
    tcpPort: port(SYSLOG_PORT, "Where lines and counted frames are taken over TCP."),
    tlsPort: port(6514, "The same over TLS."),
    tlsCertFile: z.string().default("").describe("Certificate; TLS is spoken when it is given."),
    tlsKeyFile: z.string().default("").describe("Key of the certificate."),
    tlsClientCaFile: z
      .string()
      .default("")
      .describe("Senders must have a certificate of these; empty takes any sender."),
    zoneMinutes: z
      .int()
      .min(-14 * 60)
      .max(14 * 60)
      .default(0)
      .describe("Minutes east of UTC of senders whose times have no zone."),
    connectionsMax,
  })
  .prefault({})
  .describe("Logs by syslog, RFC 5424 and RFC 3164.");

export const logstashSchema = z
  .strictObject({
    enabled: enabled("Whether JSON lines over TCP are taken, as by Logstash's tcp input."),
    port: port(5000, "TCP port."),
    tlsCertFile: z.string().default("").describe("Certificate; TLS is spoken when it is given."),
    tlsKeyFile: z.string().default("").describe("Key of the certificate."),
    tlsClientCaFile: z.string().default("").describe("Senders must have a certificate of these."),
    connectionsMax,
  })
  .prefault({})
  .describe("Logs as JSON lines over TCP, as by Logstash's codec `json_lines`.");

export const elasticsearchSchema = z
  .strictObject({
    version: z
      .string()
      .regex(/^\d{1,2}\.\d{1,3}\.\d{1,3}$/, "is not a version such as 9.2.0")
      .default("9.2.0")
      .describe("What clients are told; shippers may refuse a server that is older than they are."),
  })
  .prefault({})
  .describe(
    "Documents by Elasticsearch's bulk API, under `/elastic` and, with `classicPorts`, on 9200.",
  );

export type SyslogConfig = z.output<typeof syslogSchema>;
export type LogstashConfig = z.output<typeof logstashSchema>;
export type ElasticsearchConfig = z.output<typeof elasticsearchSchema>;
