/**
 * Real programs for tests: from Debian's packages, installed when one is missing and this is root. Elsewhere a missing
 * one is skipped, which the test must say; in CI it is a failure.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
let updated: Promise<unknown> | undefined;

/** The program's name, or undefined when it is missing and that is allowed. `name` is that of the package. */
export async function ensureProgram(
  program: string,
  name: string = program,
): Promise<string | undefined> {
  const isThere = (): Promise<boolean> =>
    run("which", [program]).then(
      () => true,
      () => false,
    );
  if (await isThere()) return program;
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    // A machine that is new has no list of packages, and an old list names packages that are gone.
    updated ??= run("apt-get", ["update", "-qq"], { env }).catch(() => {});
    await updated;
    await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", name], { env }).catch(
      () => {},
    );
  }
  if (await isThere()) return program;
  if (process.env["CI"] !== undefined)
    throw new Error(`${program} is missing, and the package ${name} cannot be installed`);
  return undefined;
}
