/** Unchanged programs deliver to our ports: rsyslog, syslog-ng, logger and nc. Their records are found whole. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultLimits, type LogBatch, type TriptychError } from "@triptych/model";
import { debianTree, ensureProgram } from "@triptych/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { registerElasticsearch } from "../elasticsearch/http.ts";
import { createHttpServer } from "../http-server.ts";
import { createLogstashTcp } from "../logstash/tcp.ts";
import { createRecordingNext, realClock } from "../otlp/recording-next.ts";
import { createSyslogTcp, createSyslogUdp } from "./syslog.ts";

const run = promisify(execFile);
const HOST = "127.0.0.1";
const LINES = 1_000;
const next = createRecordingNext(defaultLimits.inFlightBytesMax);
const bugs: TriptychError[] = [];
const deps = {
  next,
  limits: defaultLimits,
  clock: realClock,
  report: (error: TriptychError) => void bugs.push(error),
};
const app = createHttpServer({ report: deps.report });
const udp = createSyslogUdp(deps);
const tcp = createSyslogTcp(deps);
const logstash = createLogstashTcp(deps);
let tls: ReturnType<typeof createSyslogTcp> | undefined;
let ports = { http: 0, udp: 0, tcp: 0, tls: 0, logstash: 0 };
let directory = "";
const children: ChildProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "triptych-syslog-"));
  registerElasticsearch(app, { ...deps, prefix: "" });
  await app.listen({ host: HOST, port: 0 });
  const address = app.server.address();
  const key = join(directory, "key.pem");
  const cert = join(directory, "cert.pem");
  const subject = [
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1",
  ];
  const how = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  await run("openssl", [...how, "-keyout", key, "-out", cert, ...subject]);
  const pem = { key: await readFile(key, "utf8"), cert: await readFile(cert, "utf8") };
  tls = createSyslogTcp({ ...deps, tls: pem });
  ports = {
    http: typeof address === "object" ? (address?.port ?? 0) : 0,
    udp: await udp.listen(HOST, 0),
    tcp: await tcp.listen(HOST, 0),
    tls: await tls.listen(HOST, 0),
    logstash: await logstash.listen(HOST, 0),
  };
});

afterAll(async () => {
  for (const child of children) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
  }
  for (const server of [udp, tcp, tls, logstash]) await server?.close();
  app.server.closeAllConnections();
  await app.close();
  await rm(directory, { recursive: true, force: true });
  expect(bugs).toEqual([]);
});

interface Row {
  readonly body: string;
  readonly severity: string;
  readonly service: string;
  readonly attributes: ReadonlyMap<string, string>;
}

function rows(): Row[] {
  return (next.batches as LogBatch[]).flatMap((batch) =>
    Array.from({ length: batch.rows }, (_, row) => {
      const { offsets, keys, values } = batch.attributes;
      const attributes = new Map<string, string>();
      for (let i = offsets[row] as number; i < (offsets[row + 1] as number); i++)
        attributes.set(batch.keys.text(keys[i] as number), values.text(i));
      const resource = batch.resource[row] as number;
      return {
        body: batch.body.text(row),
        severity: batch.strings.text(batch.severityText[row] as number),
        service: batch.strings.text(batch.resources.serviceName[resource] as number),
        attributes,
      };
    }),
  );
}

/** Rows whose text has the word, as soon as there are so many. */
const found = (word: string, count: number): Promise<Row[]> =>
  vi.waitFor(
    () => {
      const all = rows().filter(({ body }) => body.includes(word));
      expect(all.length).toBeGreaterThanOrEqual(count);
      return all;
    },
    { timeout: 30_000, interval: 50 },
  );

/** Each of the numbered lines once. */
async function foundNumbered(word: string): Promise<Row[]> {
  const all = await found(`${word} `, LINES);
  const numbers = all.map(({ body }) => Number(/(\d+)$/.exec(body.trim())?.[1]));
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: LINES }, (_, i) => i));
  return all;
}

const numbered = (word: string): string =>
  Array.from({ length: LINES }, (_, i) => `${word} ${i}\n`).join("");

function started(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
}

describe("rsyslog", () => {
  test("delivers through omelasticsearch and omfwd over UDP, TCP and TLS", async (context) => {
    const program = await ensureProgram("rsyslogd", "rsyslog");
    // The modules are no programs, so what is asked for never is there: it only installs them.
    if (!(await hasModules()))
      for (const module of ["rsyslog-elasticsearch", "rsyslog-gnutls"])
        await ensureProgram(module).catch(() => undefined);
    if (program === undefined || !(await hasModules()))
      return context.skip("rsyslog or a module is missing");
    const socket = join(directory, "log.sock");
    await writeFile(join(directory, "in.log"), numbered("rsys"));
    await writeFile(join(directory, "rsyslog.conf"), rsyslogConfig(socket));
    started(program, ["-n", "-f", join(directory, "rsyslog.conf"), "-i", join(directory, "r.pid")]);
    const each = await found("rsys ", LINES * 4);
    for (const mark of ["es", "udp", "tcp", "tls"]) {
      const own = each.filter(({ body }) => body.startsWith(`${mark} `));
      const bodies = own.map(({ body }) => body).sort();
      const want = Array.from({ length: LINES }, (_, i) => `${mark} rsys ${i}`).sort();
      expect(bodies).toEqual(want);
      expect(new Set(own.map(({ service }) => service))).toEqual(new Set(["filein"]));
      expect(new Set(own.map(({ severity }) => severity))).toEqual(new Set(["notice"]));
    }
    const index = each
      .find(({ body }) => body.startsWith("es "))
      ?.attributes.get("elasticsearch.index");
    expect(index).toBe("rsyslog-test");
    await vi.waitFor(
      () => run("logger", ["-u", socket, "-p", "local3.err", "-t", "job", "by logger"]),
      {
        timeout: 10_000,
      },
    );
    const [local] = (await found("tcp by logger", 1)).filter(({ service }) => service === "job");
    expect(local?.severity).toBe("err");
    expect(local?.attributes.get("syslog.facility")).toBe("local3");
  }, 90_000);
});

const hasModules = (): Promise<boolean> =>
  run("find", ["/usr/lib", "-name", "omelasticsearch.so", "-o", "-name", "lmnsd_gtls.so"]).then(
    ({ stdout }) => stdout.trim().split("\n").length === 2,
    () => false,
  );

function rsyslogConfig(socket: string): string {
  const template = (mark: string) =>
    `template(name="${mark}" type="string" string="<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% %MSGID% - ${mark}%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\\n")`;
  const forward = (mark: string, port: number, how: string) =>
    `action(type="omfwd" target="${HOST}" port="${port}" template="${mark}" ${how})`;
  return `global(workDirectory="${directory}" defaultNetstreamDriverCAFile="${join(directory, "cert.pem")}")
module(load="imuxsock" sysSock.use="off")
module(load="imfile")
module(load="omelasticsearch")
input(type="imuxsock" socket="${socket}")
${["udp", "tcp", "tls"].map(template).join("\n")}
template(name="es" type="list" option.jsonf="on") {
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="service" name="app-name" format="jsonf")
  property(outname="message" name="$.es" format="jsonf")
}
input(type="imfile" file="${join(directory, "in.log")}" tag="filein" severity="notice" facility="local0")
set $.es = "es " & $msg;
action(type="omelasticsearch" server="${HOST}" serverport="${ports.http}" template="es" searchIndex="rsyslog-test" searchType="" bulkmode="on" errorfile="${join(directory, "es.err")}" queue.type="linkedlist" queue.dequeuebatchsize="200")
${forward("udp", ports.udp, 'protocol="udp"')}
${forward("tcp", ports.tcp, 'protocol="tcp" TCP_Framing="octet-counted"')}
${forward("tls", ports.tls, 'protocol="tcp" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid"')}
`;
}

const SYSLOG_NG = ["syslog-ng-core", "libivykis0", "libnet1", "libpcre3"];

describe("syslog-ng", () => {
  test("delivers over syslog(), network() and TLS", async (context) => {
    const root = await debianTree(join(directory, "ng"), SYSLOG_NG, "usr/sbin/syslog-ng");
    if (root === undefined) return context.skip("syslog-ng is missing");
    const at = (name: string): string => join(directory, name);
    await writeFile(at("ng.log"), numbered("sysng"));
    await writeFile(at("ng.conf"), syslogNgConfig());
    const library = join(root, "usr/lib/x86_64-linux-gnu");
    const modules = join(root, "usr/lib/syslog-ng/3.38");
    const files = [
      "-f",
      at("ng.conf"),
      "-p",
      at("ng.pid"),
      "-c",
      at("ng.ctl"),
      "-R",
      at("ng.persist"),
    ];
    const how = ["-F", "--no-caps", `--module-path=${modules}`, ...files];
    started(join(root, "usr/sbin/syslog-ng"), how, {
      LD_LIBRARY_PATH: `${library}:${join(root, "lib/x86_64-linux-gnu")}:${join(root, "usr/lib/syslog-ng")}`,
    });
    const each = await found("sysng ", LINES * 3);
    expect(each.length).toBe(LINES * 3);
    for (const mark of ["new", "old", "tls"]) {
      const own = each.filter(({ service }) => service === `ng-${mark}`);
      expect(new Set(own.map(({ body }) => body)).size).toBe(LINES);
    }
    const structured = each.find(({ service }) => service === "ng-new");
    expect(structured?.attributes.get("syslog.structured_data.meta@1.colour")).toBe("blue");
  }, 90_000);
});

function syslogNgConfig(): string {
  const cert = join(directory, "cert.pem");
  const rewritten = (mark: string, more = "") =>
    `rewrite r_${mark} { set("ng-${mark}" value("PROGRAM")); ${more} };`;
  const path = (mark: string) =>
    `log { source(s_in); rewrite(r_${mark}); destination(d_${mark}); };`;
  return `@version: 3.38
source s_in { file("${join(directory, "ng.log")}" flags(no-parse) follow-freq(1)); };
${rewritten("new", 'set("blue" value(".SDATA.meta@1.colour"));')}
${rewritten("old")}
${rewritten("tls")}
destination d_new { syslog("${HOST}" port(${ports.tcp}) transport("tcp")); };
destination d_old { network("${HOST}" port(${ports.tcp}) transport("tcp") persist-name("old")); };
destination d_tls { syslog("${HOST}" port(${ports.tls}) transport("tls") tls(ca-file("${cert}") peer-verify(optional-untrusted))); };
${["new", "old", "tls"].map(path).join("\n")}
`;
}

describe("logger and nc", () => {
  test("logger, in every form it has", async (context) => {
    const program = await ensureProgram("logger", "bsdutils");
    if (program === undefined) return context.skip("logger is missing");
    const common = ["-n", HOST, "-p", "auth.crit", "-t", "tool"];
    const over = (port: number, ...how: string[]) => [...common, "-P", String(port), ...how];
    await run(program, over(ports.udp, "-d", "--rfc3164", "logger udp old"));
    await run(program, over(ports.udp, "-d", "--rfc5424", "logger udp new"));
    await run(program, over(ports.tcp, "-T", "--rfc3164", "logger tcp old"));
    await run(program, over(ports.tcp, "-T", "--rfc5424", "--octet-count", "logger tcp new"));
    const all = (await found("logger ", 4)).filter(({ body }) => body.startsWith("logger "));
    expect(all.map(({ body }) => body).sort()).toEqual([
      "logger tcp new",
      "logger tcp old",
      "logger udp new",
      "logger udp old",
    ]);
    for (const { severity, service, attributes } of all) {
      expect([severity, service]).toEqual(["crit", "tool"]);
      expect(attributes.get("syslog.facility")).toBe("auth");
    }
  });

  test("nc to Logstash's port, as the guides show it", async (context) => {
    const program = await ensureProgram("nc", "netcat-openbsd");
    if (program === undefined) return context.skip("nc is missing");
    const text = `{"level":"INFO","message":"Test log by nc"}\n${numbered("nc")}`;
    const child = execFile(program, ["-N", HOST, String(ports.logstash)]);
    child.stdin?.end(text);
    const [event] = await found("Test log by nc", 1);
    expect(event).toMatchObject({ severity: "INFO", body: "Test log by nc" });
    await foundNumbered("nc");
  });
});
