/** Targets of promtail's file that listen on the network, and those that are not served here. */
import { resolve } from "node:path";
import {
  bool,
  type Fields,
  type Kind,
  maybe,
  type Of,
  problem,
  struct,
  text,
} from "../prometheus/kinds.ts";
import { labelMap } from "../prometheus/labels.ts";
import { byteSize, goDuration } from "./go-scalars.ts";

/** A path; relative ones start where promtail's file lies. */
const file: Kind<string> = {
  initial: () => "",
  read(reader, node) {
    const path = reader.text(node, "string") ?? "";
    return path === "" ? "" : resolve(reader.directory, path);
  },
};

export const syslog = struct(
  "scrapeconfig.SyslogTargetConfig",
  {
    listen_address: text(),
    listen_protocol: text("tcp"),
    idle_timeout: goDuration(120_000),
    label_structured_data: bool(),
    labels: labelMap,
    use_incoming_timestamp: bool(),
    use_rfc5424_message: bool(),
    syslog_format: text("rfc5424"),
    max_message_length: byteSize(8192),
    tls_config: maybe(
      struct(
        "promconfig.TLSConfig",
        {
          cert_file: file,
          key_file: file,
          ca_file: file,
          server_name: text(),
          insecure_skip_verify: bool(),
          min_version: text(),
        },
        (tls) => {
          if (tls.cert_file === "" || tls.key_file === "")
            problem("certificate and key are both required for a syslog target with TLS");
          return tls;
        },
      ),
    ),
  },
  (config) => {
    if (config.listen_address === "") problem("syslog needs a listen_address");
    if (config.listen_protocol !== "tcp" && config.listen_protocol !== "udp")
      problem(`syslog listen_protocol must be tcp or udp, got ${config.listen_protocol}`);
    if (config.syslog_format !== "rfc5424" && config.syslog_format !== "rfc3164")
      problem(`syslog_format must be rfc5424 or rfc3164, got ${config.syslog_format}`);
    return config;
  },
);
export type PromtailSyslog = Of<typeof syslog>;

/** Of the server of a push target: where it listens. What else stands there means nothing here. */
const pushServer: Kind<PushServer> = {
  initial: () => ({ address: "", port: PUSH_PORT, wantsTls: false }),
  read(reader, node) {
    const found = { address: "", port: PUSH_PORT, wantsTls: false };
    for (const { key, keyNode, value } of reader.entries(node, "server.Config")) {
      if (key === "http_listen_address") found.address = reader.text(value, "string") ?? "";
      if (key === "http_listen_port") {
        const port = Number(reader.text(value, "int") ?? "0");
        if (!Number.isInteger(port) || port < 0 || port > 65_535)
          reader.fail(value, `http_listen_port is no port: ${port}`);
        // Nothing and 0 are the server's own default.
        if (port > 0) found.port = port;
      }
      if (key === "http_tls_config" && !reader.isNull(value)) {
        found.wantsTls = true;
        const advice = "put a proxy before it that ends TLS; the job is not opened without";
        reader.remark(keyNode, `TLS of loki_push_api is not served: ${advice}`);
      }
    }
    return found;
  },
};

interface PushServer {
  /** "" is every address of the host. */
  readonly address: string;
  readonly port: number;
  /** It must not be opened then: lines that were to be encrypted would come in the clear. */
  readonly wantsTls: boolean;
}

const PUSH_PORT = 80;

export const lokiPush = struct("scrapeconfig.PushTargetConfig", {
  server: pushServer,
  labels: labelMap,
  use_incoming_timestamp: bool(),
});
export type PromtailPush = Of<typeof lokiPush>;

export const gelf = struct("scrapeconfig.GelfTargetConfig", {
  listen_address: text(":12201"),
  labels: labelMap,
  use_incoming_timestamp: bool(),
});
export type PromtailGelf = Of<typeof gelf>;

/** Targets that we do not serve, and what to do instead. */
const unserved: { readonly [key: string]: string } = {
  gcplog: "send with a shipper that speaks OTLP",
  azure_event_hubs: "send with a shipper that speaks OTLP",
  azure_event_hub: "send with a shipper that speaks OTLP",
  windows_events: "Windows is not supported",
  kafka: "consume with a shipper that speaks OTLP or Loki's push",
  cloudflare: "send with a shipper that speaks OTLP",
  heroku_drain: "send with a shipper that speaks OTLP",
};

/** Read over, and remarked with its place. */
function unservedTarget(key: string, advice: string): Kind<undefined> {
  return {
    initial: () => undefined,
    read(reader, node) {
      if (!reader.isNull(node))
        reader.remark(node, `${key} of scrape_configs is not served: ${advice}`);
      return undefined;
    },
  };
}

export const unservedTargets: Fields = Object.fromEntries(
  Object.entries(unserved).map(([key, advice]) => [key, unservedTarget(key, advice)]),
);
