/** The command line: flags in, a call of what `main.ts` hands in. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { asTriptychError, TriptychError } from "@triptych/model";
import { Command, Option } from "commander";
import { loadConfig, type Overrides } from "../config/load.ts";
import { settingsOf } from "../config/replaced/find.ts";
import { type Config, parseBytes } from "../config/schema.ts";
import { addCheck } from "./check-command.ts";
import { addTest } from "./test-command.ts";

export interface CliDeps {
  readonly version: string;
  /** Runs the server until it is told to stop; resolves with the exit code. */
  readonly up: (load: () => Config) => Promise<number>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

interface UpFlags {
  readonly config?: string;
  readonly data?: string;
  readonly listen?: string;
  readonly http?: number;
  readonly otlpGrpc?: number;
  readonly otlpHttp?: number;
  readonly store?: string;
  readonly memory?: number;
  readonly logLevel?: string;
  readonly classicPorts?: boolean;
}

/** Runs the command line and returns the exit code: 0 done, 1 a check failed, 2 it could not run. */
export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  let code = 0;
  const program = new Command("triptych")
    .description(
      "Traces, metrics and logs in one process: takes them in, keeps them, answers, explains.",
    )
    .version(deps.version)
    .exitOverride()
    .configureOutput({ writeOut: deps.out, writeErr: deps.err });
  addUp(program, deps, (value) => {
    code = value;
  });
  addCheck(program, deps, (value) => {
    code = value;
  });
  addTest(program, deps, (value) => {
    code = value;
  });
  try {
    await program.parseAsync([...argv]);
  } catch (thrown) {
    if (thrown instanceof Error && "exitCode" in thrown)
      return Number(thrown.exitCode) === 0 ? 0 : 2;
    deps.err(`triptych: ${messageOf(thrown)}\n`);
    return 2;
  }
  return code;
}

/** An error of the world is one clear line; a bug of ours shows where it came from. */
function messageOf(thrown: unknown): string {
  const error = asTriptychError(thrown);
  if (error.code !== "internal") return error.message;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

function addUp(program: Command, deps: CliDeps, done: (code: number) => void): void {
  program
    .command("up")
    .description("Runs the server.")
    .argument("[dir]", "directory with triptych.yaml and other configuration")
    .option(
      "--config <file>",
      "configuration file (default: triptych.yaml in the directory, if there)",
    )
    .option("--data <dir>", "data directory")
    .option("--listen <host>", "address to listen on")
    .option("--http <port>", "port of the interface and every HTTP API", portNumber)
    .option("--otlp-grpc <port>", "port of OTLP/gRPC", portNumber)
    .option("--otlp-http <port>", "port of OTLP/HTTP", portNumber)
    .option("--store <where>", "embedded, or the URL of a ClickHouse server")
    .addOption(
      new Option("--memory <bytes>", "memory of the embedded engine, e.g. 2GiB").argParser(
        byteCount,
      ),
    )
    .addOption(new Option("--max-memory <bytes>").argParser(byteCount).hideHelp())
    .option("--log-level <level>", "debug, info, warn or error")
    .option("--classic-ports", "also listen where senders of other makers send")
    .option("--demo", "started together with the demo shop")
    .action(async (directory: string | undefined, flags: UpFlags & { maxMemory?: number }) => {
      done(await deps.up(() => configFor(directory ?? ".", flags)));
    });
}

function configFor(directory: string, flags: UpFlags & { maxMemory?: number }): Config {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new TriptychError("config_invalid", `${directory} is not a directory`);
  }
  const found = join(directory, "triptych.yaml");
  const file = flags.config ?? (existsSync(found) ? found : undefined);
  const prometheus = join(directory, "prometheus.yml");
  const overrides: Overrides = {
    "prometheus.file": existsSync(prometheus) ? prometheus : undefined,
    data: flags.data,
    listen: flags.listen,
    "http.port": flags.http,
    "otlp.grpcPort": flags.otlpGrpc,
    "otlp.httpPort": flags.otlpHttp,
    store: flags.store,
    memory: flags.memory ?? flags.maxMemory,
    "log.level": flags.logLevel,
    classicPorts: flags.classicPorts,
  };
  return loadConfig(file, overrides, settingsOf(directory));
}

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== "") return port;
  throw new TriptychError("config_invalid", `"${text}" is not a port number (0 to 65535)`);
}

function byteCount(text: string): number {
  const bytes = parseBytes(text);
  if (bytes > 0) return bytes;
  throw new TriptychError("config_invalid", `"${text}" is not a size such as 512MiB or 2GiB`);
}
