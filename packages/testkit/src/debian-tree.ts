/**
 * Debian packages unpacked into a directory of their own, for a program that cannot be installed beside another one that
 * tests need: rsyslog and syslog-ng exclude each other. Tests only.
 */
import { execFile } from "node:child_process";
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The tree's root, or undefined when the packages cannot be had and that is allowed. */
export async function debianTree(
  directory: string,
  packages: readonly string[],
  program: string,
): Promise<string | undefined> {
  const root = join(directory, "root");
  await mkdir(root, { recursive: true });
  try {
    await run("apt-get", ["-o", "APT::Sandbox::User=root", "download", ...packages], {
      cwd: directory,
    });
    const { stdout } = await run("find", [directory, "-maxdepth", "1", "-name", "*.deb"]);
    for (const file of stdout.split("\n").filter((line) => line !== ""))
      await run("dpkg-deb", ["-x", file, root]);
    await access(join(root, program));
    return root;
  } catch (cause) {
    if (process.env["CI"] === undefined) return undefined;
    throw new Error(`the packages ${packages.join(", ")} cannot be unpacked`, { cause });
  }
}
