/** Builds the interface into `dist/`, which the server hands out as static files with a fallback to `index.html`. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defaultClientConditions, defineConfig } from "vite";

// biome-ignore lint/style/noDefaultExport: Vite reads the default export of its configuration
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [react()],
  resolve: { conditions: ["triptych:source", ...defaultClientConditions] },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // The content security policy allows no data: fonts and no inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // In development the real server, or dev/fake-server.mjs, answers the API.
  // biome-ignore lint/complexity/useLiteralKeys: process.env has an index signature
  server: { proxy: { "/api": process.env["TRIPTYCH"] ?? "http://127.0.0.1:4320" } },
});
