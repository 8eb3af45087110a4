/**
 * Stages that join lines: `multiline`, and the partial lines of the `cri` and `docker` formats. A block stays open
 * within a run; at its end it is handed on, or the source is told to read it again once there is more.
 */
import { parseGoTime } from "@triptych/lang";
import type { StageConfig } from "../../config/promtail/stages.ts";
import { partMatcher } from "../../regex/regex.ts";
import type { Emit, Entry, Stage, StageRun } from "./entry.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** The rest of a partial line follows at once; longer it does not wait. */
const PARTIAL_WAIT_MS = 3000;

interface Block {
  readonly entry: Entry;
  readonly parts: string[];
  bytes: number;
}

/** Open blocks by stream: lines of stdout and stderr come between each other. */
class Blocks {
  private readonly open = new Map<string, Block>();
  held = NEVER;

  get(entry: Entry): Block | undefined {
    return this.open.get(streamKey(entry));
  }

  begin(entry: Entry, text: string): void {
    this.open.set(streamKey(entry), { entry, parts: [text], bytes: text.length });
  }

  add(block: Block, { to }: Entry, text: string): void {
    block.parts.push(text);
    block.bytes += text.length;
    block.entry.to = to;
  }

  close(block: Block, separator: string, emit: Emit): void {
    this.open.delete(streamKey(block.entry));
    block.entry.line = block.parts.join(separator);
    emit(block.entry);
  }

  end(separator: string, emit: Emit, flush: boolean): void {
    for (const block of [...this.open.values()])
      if (flush) this.close(block, separator, emit);
      else this.held = Math.min(this.held, block.entry.from);
    this.open.clear();
  }
}

function streamKey({ labels }: Entry): string {
  let key = "";
  for (const [name, value] of labels) key += `${name}\u{1}${value}\u{2}`;
  return key;
}

/** A block is a record of an application: beyond this it is none. */
const BLOCK_CHARS_MAX = 4 * 1024 * 1024;

export function multilineStage(config: StageConfig<"multiline">): Stage {
  const isFirst = partMatcher(config.firstline);
  return {
    maxWaitMs: config.max_wait_time,
    begin(): StageRun {
      const blocks = new Blocks();
      return {
        get held() {
          return blocks.held;
        },
        push(entry, emit) {
          const block = blocks.get(entry);
          if (block === undefined || isFirst(entry.line)) {
            if (block !== undefined) blocks.close(block, "\n", emit);
            // A line before the first block belongs to none.
            if (block === undefined && !isFirst(entry.line)) emit(entry);
            else blocks.begin(entry, entry.line);
            return;
          }
          blocks.add(block, entry, entry.line);
          if (block.parts.length >= config.max_lines || block.bytes > BLOCK_CHARS_MAX)
            blocks.close(block, "\n", emit);
        },
        end: (emit, flush) => blocks.end("\n", emit, flush),
      };
    },
  };
}

interface Unwrapped {
  readonly text: string;
  readonly stream: string;
  readonly time: string;
  readonly isPartial: boolean;
}

const RFC3339 = "2006-01-02T15:04:05.999999999Z07:00";

interface Unwrapping {
  /** Undefined for a line that has another format: it passes as it is. */
  readonly read: (line: string) => Unwrapped | undefined;
  readonly partsMax: number;
  /** 0 is none. */
  readonly charsMax: number;
}

function unwrapStage({ read, partsMax, charsMax }: Unwrapping): Stage {
  return {
    maxWaitMs: PARTIAL_WAIT_MS,
    begin(): StageRun {
      const blocks = new Blocks();
      return {
        get held() {
          return blocks.held;
        },
        push(entry, emit) {
          const found = read(entry.line);
          if (found === undefined) {
            emit(entry);
            return;
          }
          take(entry, found);
          const text = charsMax > 0 ? found.text.slice(0, charsMax) : found.text;
          const block = blocks.get(entry);
          if (block === undefined) {
            if (found.isPartial) blocks.begin(entry, text);
            else {
              entry.line = text;
              emit(entry);
            }
            return;
          }
          blocks.add(block, entry, text);
          const isFull = block.parts.length >= partsMax || block.bytes > BLOCK_CHARS_MAX;
          if (!found.isPartial || isFull) blocks.close(block, "", emit);
        },
        end: (emit, flush) => blocks.end("", emit, flush),
      };
    },
  };
}

function take(entry: Entry, { stream, time, text }: Unwrapped): void {
  entry.labels.set("stream", stream);
  entry.extracted.set("stream", stream).set("timestamp", time).set("output", text);
  const timeNs = parseGoTime(RFC3339, time);
  if (timeNs !== undefined && timeNs >= 0n) entry.timeNs = timeNs;
}

const PARTIALS_MAX = 10_000;

export function criStage(config: StageConfig<"cri">): Stage {
  return unwrapStage({
    read: readCri,
    partsMax: Math.min(Math.max(1, config.max_partial_lines), PARTIALS_MAX),
    charsMax: config.max_partial_line_size_truncate ? config.max_partial_line_size : 0,
  });
}

/** `2019-01-01T01:00:00.000000001Z stderr P text`: flags are a list with `:`, of which P says that more follows. */
function readCri(line: string): Unwrapped | undefined {
  const first = line.indexOf(" ");
  const second = line.indexOf(" ", first + 1);
  if (first <= 0 || second < 0) return undefined;
  const stream = line.slice(first + 1, second);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const third = line.indexOf(" ", second + 1);
  if (third <= second + 1) return undefined;
  const isPartial = line.slice(second + 1, third).split(":", 1)[0] === "P";
  return { time: line.slice(0, first), stream, text: line.slice(third + 1), isPartial };
}

/** Docker cuts lines at 16 KiB: a piece that does not end its line has no line end. */
export function dockerStage(): Stage {
  return unwrapStage({ read: readDocker, partsMax: PARTIALS_MAX, charsMax: 0 });
}

function readDocker(line: string): Unwrapped | undefined {
  if (!line.startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { log, stream, time } = value as { readonly [key: string]: unknown };
  if (typeof log !== "string") return undefined;
  const isPartial = !log.endsWith("\n");
  return {
    text: isPartial ? log : log.slice(0, log.endsWith("\r\n") ? -2 : -1),
    stream: typeof stream === "string" ? stream : "stdout",
    time: typeof time === "string" ? time : "",
    isPartial,
  };
}
