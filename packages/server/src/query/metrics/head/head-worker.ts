/** A thread that computes over the head's samples, beside the event loop that writes them. */
import { parentPort, workerData } from "node:worker_threads";
import { serveReader } from "./serve-reader.ts";

if (parentPort !== null) serveReader(parentPort, (workerData as { version: Int32Array }).version);
