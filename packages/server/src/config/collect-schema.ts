/** `collect` and its keys: what is measured without any other program. */
import { z } from "zod";

const SECONDS_DOC = "Seconds between two collections; none may take longer.";
const interval = (seconds: number) =>
  z.number().min(1).max(86_400).default(seconds).describe(SECONDS_DOC);
const job = (name: string) =>
  z.string().min(1).default(name).describe("Label `job` of its series.");
const instance = (doc: string) => z.string().default("").describe(`Label \`instance\`; ${doc}.`);
const labels = z
  .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is no label name"), z.string())
  .default({})
  .describe("Labels that all its series get.");
const directory = (path: string, doc: string) => z.string().default(path).describe(doc);

const hostSchema = z.strictObject({
  enabled: z.boolean().default(true).describe("Whether this host is measured (Linux only)."),
  intervalSeconds: interval(15),
  job: job("node"),
  instance: instance("the host's name if empty"),
  labels,
  procfs: directory("/proc", "Where the host's `/proc` is mounted."),
  sysfs: directory("/sys", "Where the host's `/sys` is mounted."),
  rootfs: directory("/", "Where the host's root is mounted."),
  textfileDirectories: z
    .array(z.string())
    .default([])
    .describe("Directories whose `*.prom` files are read each time."),
  without: z
    .array(z.string())
    .default([])
    .describe("Parts to leave out, by node_exporter's names: `hwmon`, `netclass`, …"),
});

const cgroupSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe("Whether containers are measured, where there is a cgroup file system."),
  intervalSeconds: interval(15),
  job: job("cadvisor"),
  instance: instance("the host's name if empty"),
  labels,
  root: directory("/sys/fs/cgroup", "Where the cgroup file system is mounted."),
  procfs: directory("/proc", "Where the host's `/proc` is mounted."),
  cgroupsMax: z
    .int()
    .min(1)
    .max(2_000)
    .default(500)
    .describe("Cgroups measured; containers come before services."),
  containerLogs: directory(
    "/var/log/containers",
    "Where Kubernetes keeps containers' logs, whose names tell pod and namespace.",
  ),
  docker: z
    .string()
    .default("/var/run/docker.sock")
    .describe("Docker's socket, asked for names and images; empty asks nobody."),
});

const mysqlSchema = z.strictObject({
  dsn: z
    .string()
    .min(1)
    .describe("Whom to ask: `user:password@tcp(host:3306)/`, or a `mysql://` URL."),
  passwordFile: z.string().default("").describe("A file with the password, instead of it here."),
  tls: z
    .enum(["off", "verify", "insecure"])
    .default("off")
    .describe("Whether to use TLS, and to believe any certificate."),
  tlsCaFile: z.string().default("").describe("Certificates to believe besides the system's."),
  intervalSeconds: interval(15),
  job: job("mysql"),
  instance: instance("host and port if empty"),
  labels,
});

const redisSchema = z.strictObject({
  url: z
    .string()
    .min(1)
    .describe(
      "Whom to ask: `redis://user:password@host:6379`, `rediss://…` for TLS, `unix:///path`.",
    ),
  passwordFile: z.string().default("").describe("A file with the password, instead of it here."),
  tlsCaFile: z.string().default("").describe("Certificates to believe besides the system's."),
  tlsInsecure: z.boolean().default(false).describe("Believe any certificate."),
  intervalSeconds: interval(15),
  job: job("redis"),
  instance: instance("host and port if empty"),
  labels,
});

/** Servers of a kind that one process asks: each has a connection and a timer. */
const SERVERS_MAX = 100;

export const collectSchema = z
  .strictObject({
    host: hostSchema.prefault({}).describe("This host, with node_exporter's metrics."),
    cgroup: cgroupSchema.prefault({}).describe("Containers, with cAdvisor's metrics."),
    mysql: z
      .array(mysqlSchema)
      .max(SERVERS_MAX)
      .default([])
      .describe("MySQL and MariaDB servers, with mysqld_exporter's metrics."),
    redis: z
      .array(redisSchema)
      .max(SERVERS_MAX)
      .default([])
      .describe("Redis servers, with redis_exporter's metrics."),
  })
  .prefault({})
  .describe("What is measured without any other program.");

export type CollectConfig = z.output<typeof collectSchema>;
export type HostCollectorConfig = z.output<typeof hostSchema>;
export type CgroupCollectorConfig = z.output<typeof cgroupSchema>;
export type MysqlCollectorConfig = z.output<typeof mysqlSchema>;
export type RedisCollectorConfig = z.output<typeof redisSchema>;
