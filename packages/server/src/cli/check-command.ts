/**
 * `triptych check FILE…`: validates configuration and rules. Errors end with exit code 1; warnings do so only with
 * `--strict`.
 */
import { readFileSync } from "node:fs";
import { asTriptychError, TriptychError } from "@triptych/model";
import type { Command } from "commander";
import type { CheckContext, CheckedFile, CheckVerdict } from "./check-kind.ts";
import { checkKinds } from "./check-kinds.ts";
import { knowledgeIn, knowledgeOf, type MetricKnowledge, noKnowledge } from "./metric-knowledge.ts";

interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

interface Flags {
  readonly strict?: boolean;
  readonly server?: string;
  readonly metadata?: string;
}

/** Adds the command; `done` gets the exit code. */
export function addCheck(program: Command, deps: Output, done: (code: number) => void): void {
  program
    .command("check")
    .description("Validates configuration and rule files; exit 1 with file:line when one is wrong.")
    .argument("<file...>")
    .option("--strict", "warnings count as errors")
    .option("--server <url>", "a server whose metrics the rules are checked against")
    .option(
      "--metadata <file>",
      "metrics to check against: /api/v1/metadata as JSON, or exposition text",
    )
    .action(async (files: string[], flags: Flags) => done(await runCheck(files, flags, deps)));
}

export async function runCheck(
  files: readonly string[],
  flags: Flags,
  deps: Output,
): Promise<number> {
  const known = await knowledge(flags);
  let wrong = false;
  const read: CheckedFile[] = [];
  for (const file of files) {
    try {
      read.push({ file, text: readText(file) });
    } catch (thrown) {
      deps.err(`${messageOf(thrown)}\n`);
      wrong = true;
    }
  }
  const context: CheckContext = { files: read, known };
  for (const given of read) {
    const { errors, warnings, summary } = checkOne(given, context);
    for (const text of [...errors, ...warnings]) deps.err(`${text}\n`);
    if (errors.length > 0 || (flags.strict === true && warnings.length > 0)) wrong = true;
    const details = [summary, warnings.length > 0 ? `${warnings.length} warnings` : undefined];
    const shown = details.filter((one) => one !== undefined).join(", ");
    if (errors.length === 0) deps.out(`${given.file}: ok${shown === "" ? "" : ` (${shown})`}\n`);
  }
  return wrong ? 1 : 0;
}

function checkOne(given: CheckedFile, context: CheckContext): CheckVerdict {
  try {
    const kind = checkKinds.find((one) => one.recognises(given));
    return (
      kind?.check(given, context) ?? {
        errors: [`${given.file}: unknown kind of file`],
        warnings: [],
      }
    );
  } catch (thrown) {
    return { errors: [messageOf(thrown)], warnings: [] };
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = missing
      ? `the configuration file ${file} does not exist`
      : `${file} cannot be read: ${(cause as Error).message}`;
    throw new TriptychError("config_invalid", message, { cause });
  }
}

async function knowledge({ server, metadata }: Flags): Promise<MetricKnowledge> {
  if (server !== undefined) return knowledgeOf(server);
  return metadata === undefined ? noKnowledge : knowledgeIn(metadata);
}

/** An error of the world is one clear line; a bug of ours shows where it came from. */
function messageOf(thrown: unknown): string {
  const error = asTriptychError(thrown);
  if (error.code !== "internal") return error.message;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
