/**
 * Builds the demo shop and the telemetry library it uses, each into its own `dist`: the shop then runs as a
 * stranger's program would, with the library as a package beside express and fastify.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

export const shopFolder = join(root, "examples", "shop");

const options = {
  bundle: true,
  // The shop's applications stay files of their own, which are imported after telemetry is configured.
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: true,
  logLevel: "warning",
};

async function buildInto(folder, names) {
  const { build } = await import("esbuild");
  const outdir = join(folder, "dist");
  rmSync(outdir, { recursive: true, force: true });
  await build({ ...options, outdir, entryPoints: names.map((name) => join(folder, "src", `${name}.ts`)) });
}

export async function buildShop() {
  await Promise.all([
    buildInto(join(root, "packages", "telemetry"), ["index", "register"]),
    buildInto(shopFolder, ["gateway", "order-service", "payment-service", "traffic"]),
  ]);
}
