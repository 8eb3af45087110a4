export { type Server, type ServerDeps, startServer } from "./main.ts";
