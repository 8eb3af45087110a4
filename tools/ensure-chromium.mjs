/**
 * The system's Chromium for the browser tests. Installs it when it is missing and this is root on Debian; elsewhere
 * says what is skipped. In CI a missing browser is a failure, not a skip.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of the browser, or undefined when there is none and that is allowed. */
export function ensureChromium() {
  const found = process.env.TRIPTYCH_CHROMIUM ?? places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (...args) => spawnSync("apt-get", args, { stdio: "inherit", env }).status === 0;
    apt("update", "-qq");
    apt("install", "-y", "-qq", "--no-install-recommends", "chromium");
    const installed = places.find((path) => existsSync(path));
    if (installed !== undefined) return installed;
  }
  const message = "no Chromium found: install it (Debian: apt-get install chromium) or set TRIPTYCH_CHROMIUM";
  if (process.env.CI) throw new Error(message);
  process.stdout.write(`skipped: browser tests: ${message}\n`);
  return undefined;
}
