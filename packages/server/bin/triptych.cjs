#!/usr/bin/env node
/*
 * CommonJS on purpose: the size of Node's thread pool counts only when it is set before the first import, and the
 * engine's queries occupy those threads. Prototypes are sealed here too, before any data is read.
 */
"use strict";
const os = require("node:os");
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`triptych: Node ${process.versions.node} is too old; 20.19 or newer is needed\n`);
  process.exit(2);
}
const readers = Math.max(4, os.cpus().length * 2);
process.env.UV_THREADPOOL_SIZE ??= String(readers + 8);
delete Object.prototype.__proto__;
import("../dist/main.js").then(
  (triptych) => triptych.main(process.argv),
  (error) => {
    process.stderr.write(`triptych: ${error && error.stack ? error.stack : error}\n`);
    process.exit(1);
  },
);
