import { defaultLimits, type TriptychError } from "@triptych/model";
import { expect, test } from "vitest";
import { logstashSchema, syslogSchema } from "../../config/shippers-schema.ts";
import { createRecordingNext, realClock } from "../otlp/recording-next.ts";
import { createLineReceivers } from "./start.ts";

const HOST = "127.0.0.1";
const bugs: TriptychError[] = [];
const receivers = (syslog: object, logstash: object) =>
  createLineReceivers({
    next: createRecordingNext(defaultLimits.inFlightBytesMax),
    limits: defaultLimits,
    clock: realClock,
    report: (error) => void bugs.push(error),
    syslog: syslogSchema.parse(syslog),
    logstash: logstashSchema.parse(logstash),
  });

test("nothing listens unless it is asked for", async () => {
  const none = receivers({}, {});
  expect(await none.listen(HOST)).toEqual({});
  await none.close();
});

test("what is asked for listens, and closes twice", async () => {
  const some = receivers({ enabled: true, udpPort: 0, tcpPort: 0 }, { enabled: true, port: 0 });
  const ports = await some.listen(HOST);
  expect(Object.keys(ports)).toEqual(["syslogUdp", "syslogTcp", "logstash"]);
  const again = receivers({}, { enabled: true, port: ports.logstash });
  await expect(again.listen(HOST)).rejects.toMatchObject({ code: "port_in_use" });
  await again.close();
  await some.close();
  await some.close();
  expect(bugs).toEqual([]);
});

test("certificates that cannot be read say which key", async () => {
  const half = receivers({}, { enabled: true, tlsCertFile: "/x" });
  await expect(half.listen(HOST)).rejects.toThrow("needed together");
  const gone = receivers({ enabled: true, tlsCertFile: "/no/cert", tlsKeyFile: "/no/key" }, {});
  await expect(gone.listen(HOST)).rejects.toThrow("syslog.tlsCertFile");
  for (const one of [half, gone]) await one.close();
});
