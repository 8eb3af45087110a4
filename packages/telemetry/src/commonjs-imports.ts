/**
 * Lets instrumentations see CommonJS packages that an ES module imports.
 *
 * OpenTelemetry patches a package when it passes through `Module.prototype.require`. Node's loader of ES modules
 * goes past that function: `import express from "express"` calls `Module._load` with no parent. So `_load` is
 * wrapped to take such a load through `require` once; the loader then finds the patched module in the cache.
 * The usual alternative, a loader hook (import-in-the-middle), costs a thread and some 20 MB, works only when the
 * process was started with a flag, and is not needed for CommonJS packages and for Node's own modules.
 */
import Module, { createRequire, syncBuiltinESMExports } from "node:module";
import { isAbsolute } from "node:path";

type Load = (request: string, parent: unknown, isMain: boolean) => unknown;

const installed = Symbol.for("triptych.telemetry.commonjs-imports");

/** Safe to call twice, also from two copies of this package. */
export function patchCommonjsImports(): void {
  const loader = Module as unknown as { _load: Load; [installed]?: boolean };
  if (loader[installed] === true) return;
  loader[installed] = true;
  const original = loader._load;
  loader._load = function load(request, parent, isMain) {
    const fromEsm = (parent === undefined || parent === null) && !isMain;
    if (!fromEsm || !isPackageFile(request)) return original.call(this, request, parent, isMain);
    const require = createRequire(request);
    const exports: unknown = require(request);
    const module = require.cache[request];
    // An instrumentation may answer with new exports instead of changing those it was given.
    if (module?.loaded === true && module.exports !== exports) module.exports = exports;
    return original.call(this, request, parent, isMain);
  };
}

function isPackageFile(request: string): boolean {
  return isAbsolute(request) && /[\\/]node_modules[\\/]/.test(request);
}

/**
 * Passes Node's own http modules through the instrumentations now, and shows the result to ES modules that name
 * their imports (`import { request } from "node:http"`), also to those that were linked before.
 */
export function patchBuiltinImports(): void {
  const require = createRequire(import.meta.url);
  for (const name of ["http", "https"]) require(name);
  syncBuiltinESMExports();
}
