export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "unknown";
