/** Reference pages made from the code's own tables: configuration keys and error codes. */
import { errorCatalogue } from "@triptych/model";
import { z } from "zod";
import { configSchema } from "./schema.ts";

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: { readonly [key: string]: JsonSchema };
  readonly enum?: readonly unknown[];
}

/** `docs/reference/configuration.md`. Defaults that depend on the machine are described, not printed. */
export function configurationPage(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    unrepresentable: "any",
  }) as JsonSchema;
  const rows = [...keys(schema, "")].map(
    ([path, key]) =>
      `| \`${path}\` | ${defaultOf(path, key)} | ${(key.description ?? "").replaceAll("|", "\\|")} |`,
  );
  return [
    "# Configuration",
    "",
    "`triptych up DIR` reads `DIR/triptych.yaml`; `--config FILE` names another. Flags win over the file. An unknown key is an",
    "error with its line. `SIGHUP` reads the file again and takes over retention; the rest needs a restart. Sizes are bytes",
    "or texts such as `512MiB`. This page is made from the schema in `config/schema.ts`.",
    "",
    "| key | default | |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function* keys(schema: JsonSchema, prefix: string): Generator<[string, JsonSchema]> {
  for (const [name, key] of Object.entries(schema.properties ?? {})) {
    if (key.properties === undefined) yield [prefix + name, key];
    else yield* keys(key, `${prefix}${name}.`);
  }
}

const MiB = 1024 * 1024;

function defaultOf(path: string, key: JsonSchema): string {
  if (path === "memory") return "half of the machine, at least 1 GiB";
  if (path === "limits.headBytes") return "1 GiB, or a sixteenth of the machine when that is less";
  if (path === "http.pathPrefix") return "the path of `http.externalUrl`";
  let value: unknown = configSchema.parse({});
  for (const name of path.split(".")) value = (value as { [name: string]: unknown })[name];
  // Sizes have two input types, so the schema itself names no default.
  if (key.default === undefined && typeof value === "number" && value >= MiB)
    return `${value / MiB}MiB`;
  return `\`${JSON.stringify(value)}\``;
}

/** `docs/reference/errors.md`. */
export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { status, grpc, retry, doc }]) =>
      `| \`${code}\` | ${status} | ${grpc} | ${retry ? "yes" : "no"} | ${doc} |`,
  );
  return [
    "# Errors",
    "",
    "Every error has a code, a message that says what was attempted, and statuses for HTTP and gRPC. This page is made from",
    "the catalogue in `packages/model/src/error.ts`.",
    "",
    "| code | HTTP | gRPC | worth trying again | |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}
