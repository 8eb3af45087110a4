/** Levels of log lines from worst to least, as charts stack them from below. */
import type { LogLevel } from "@triptych/contract";

export const levelOrder: readonly LogLevel[] = [
  "fatal",
  "error",
  "warn",
  "info",
  "debug",
  "trace",
  "unknown",
];
