/** Builds what runs outside the source tree: the server bundle (one file and its threads) and the web page. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, root, run } from "./setup.mjs";

export async function build({ web = true } = {}) {
  const { build: bundle } = await import("esbuild");
  const server = join(root, "packages", "server");
  rmSync(join(server, "dist"), { recursive: true, force: true });
  await bundle({
    entryPoints: ["main.ts", "journal/wal-worker.ts", "query/metrics/head/head-worker.ts"].map(
      (file) => join(server, "src", file),
    ),
    outdir: join(server, "dist"),
    outbase: join(server, "src"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["triptych:source"],
    packages: "external",
    // Our own packages are bundled from source; only what npm installs stays outside.
    plugins: [
      {
        name: "own-packages",
        setup(b) {
          b.onResolve({ filter: /^@triptych\// }, (args) => ({
            path: join(root, "packages", args.path.slice("@triptych/".length), "src", "index.ts"),
          }));
        },
      },
    ],
    sourcemap: true,
    logLevel: "warning",
  });
  if (web && existsSync(join(root, "packages", "web", "index.html"))) {
    run("npx", ["vite", "build", "--logLevel", "warn"], { cwd: join(root, "packages", "web") });
  }
}

if (import.meta.url === `file://${process.argv[1]}`) {
  ensureInstalled();
  await build();
}
