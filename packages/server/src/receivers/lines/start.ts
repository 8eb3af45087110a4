/** Puts the servers of log lines together from their configuration. */
import type { Clock, Limits, TriptychError } from "@triptych/model";
import type { LogstashConfig, SyslogConfig } from "../../config/shippers-schema.ts";
import { createLogstashTcp } from "../logstash/tcp.ts";
import type { IngestNext } from "../next.ts";
import { createSyslogTcp, createSyslogUdp } from "../syslog/syslog.ts";
import { readTlsFiles } from "../tls-files.ts";
import type { LineServer } from "./line-server.ts";

export interface LineReceiversDeps {
  readonly next: IngestNext;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Told of errors that are bugs of ours. */
  readonly report: (error: TriptychError) => void;
  readonly syslog: SyslogConfig;
  readonly logstash: LogstashConfig;
}

/** Ports of what listens. */
export interface LinePorts {
  syslogUdp?: number;
  syslogTcp?: number;
  syslogTls?: number;
  logstash?: number;
}

export interface LineReceivers {
  /** Throws `config_invalid` for certificates that cannot be read, and `port_in_use`. */
  listen(host: string): Promise<LinePorts>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export function createLineReceivers(deps: LineReceiversDeps): LineReceivers {
  const { syslog, logstash } = deps;
  const servers: LineServer[] = [];
  const open = (server: LineServer, host: string, port: number): Promise<number> => {
    servers.push(server);
    return server.listen(host, port);
  };
  return {
    async listen(host) {
      const ports: LinePorts = {};
      if (syslog.enabled) {
        const { zoneMinutes, connectionsMax } = syslog;
        const common = { ...deps, zoneMinutes, connectionsMax };
        const tls = await readTlsFiles(syslog, "syslog");
        ports.syslogUdp = await open(createSyslogUdp(common), host, syslog.udpPort);
        ports.syslogTcp = await open(createSyslogTcp(common), host, syslog.tcpPort);
        if (tls !== undefined)
          ports.syslogTls = await open(createSyslogTcp({ ...common, tls }), host, syslog.tlsPort);
      }
      if (logstash.enabled) {
        const tls = await readTlsFiles(logstash, "logstash");
        const { connectionsMax } = logstash;
        const own = { ...deps, connectionsMax, ...(tls === undefined ? {} : { tls }) };
        ports.logstash = await open(createLogstashTcp(own), host, logstash.port);
      }
      return ports;
    },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
