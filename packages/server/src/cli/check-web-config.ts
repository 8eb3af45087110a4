/**
 * `triptych check` of a web configuration of Prometheus' toolkit (`--web.config.file`): TLS and users of a server. Tells
 * what `promtool check web-config` does, with places.
 * Source: "HTTPS and authentication" of Prometheus' documentation.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Field, Problem, YamlText } from "../config/rules/yaml-fields.ts";
import { readYaml } from "../config/rules/yaml-fields.ts";
import type { CheckedFile, CheckVerdict } from "./check-kind.ts";

const SECTIONS = ["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];
const TLS = [
  ...["cert_file", "key_file", "cert", "key", "client_ca", "client_ca_file", "client_auth_type"],
  ...["client_allowed_sans", "cipher_suites", "curve_preferences", "min_version", "max_version"],
  "prefer_server_cipher_suites",
];
const VERSIONS = ["TLS13", "TLS12", "TLS11", "TLS10"];
const CLIENT_AUTH = [
  ...["NoClientCert", "RequestClientCert", "RequireAnyClientCert", "RequireClientCert"],
  ...["VerifyClientCertIfGiven", "RequireAndVerifyClientCert", ""],
];

export function looksLikeWebConfig(topKeys: readonly string[]): boolean {
  // Keys below others are among them: the first one tells.
  return SECTIONS.includes(topKeys[0] ?? "");
}

type Fields = ReadonlyMap<string, Field>;

export function checkWebConfig({ file, text }: CheckedFile): CheckVerdict {
  const yaml = readYaml(text);
  const fields = yaml.fields(yaml.root, "web.Config") ?? new Map<string, Field>();
  unknownKeys(yaml, fields, SECTIONS, "web.Config");
  const users = fields.get("basic_auth_users");
  if (users !== undefined) checkUsers(yaml, users);
  const tls = fields.get("tls_server_config");
  if (tls !== undefined) checkTls(yaml, tls, dirname(file));
  const told = (problem: Problem): string =>
    `${file}:${problem.line}:${problem.column}: ${problem.message}`;
  return { errors: yaml.problems.map(told), warnings: [], summary: "web configuration" };
}

function unknownKeys(yaml: YamlText, fields: Fields, known: readonly string[], type: string): void {
  for (const [name, { key }] of fields)
    if (!known.includes(name))
      yaml.problems.push({ ...key, message: `field ${name} not found in type ${type}` });
}

function checkUsers(yaml: YamlText, users: Field): void {
  for (const [name, { value, place }] of yaml.fields(users.value, "web.users") ?? []) {
    if (/^\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}$/.test(yaml.text(value))) continue;
    const message = `the password of ${JSON.stringify(name)} is no bcrypt hash`;
    yaml.problems.push({ ...place, message });
  }
}

function checkTls(yaml: YamlText, tls: Field, dir: string): void {
  const fields = yaml.fields(tls.value, "web.TLSConfig") ?? new Map<string, Field>();
  unknownKeys(yaml, fields, TLS, "web.TLSConfig");
  const text = (name: string): string => yaml.text(fields.get(name)?.value ?? null);
  const problem = (name: string, message: string): void =>
    void yaml.problems.push({ ...(fields.get(name)?.place ?? tls.key), message });
  for (const name of ["min_version", "max_version"])
    if (text(name) !== "" && !VERSIONS.includes(text(name)))
      problem(name, `unknown TLS version: ${text(name)}`);
  if (!CLIENT_AUTH.includes(text("client_auth_type")))
    problem("client_auth_type", `invalid ClientAuth: ${text("client_auth_type")}`);
  for (const [name, inline] of [
    ["cert_file", "cert"],
    ["key_file", "key"],
  ] as const)
    if (text(name) === "" && text(inline) === "")
      problem(name, `missing one of ${inline} or ${name}`);
  const asksClients = !["", "NoClientCert"].includes(text("client_auth_type"));
  const hasCa = text("client_ca_file") !== "" || text("client_ca") !== "";
  if (hasCa && !asksClients)
    problem("client_auth_type", "Client CA's have been configured without a Client Auth Policy");
  for (const name of ["cert_file", "key_file", "client_ca_file"]) checkFile(name);

  function checkFile(name: string): void {
    const path = text(name);
    if (path === "") return;
    try {
      const pem = readFileSync(resolve(dir, path));
      if (name !== "key_file") new X509Certificate(pem);
    } catch (error) {
      problem(name, `${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
