/**
 * Named places where a test may kill the process or make a call fail: `TRIPTYCH_FAILPOINT=wal.after_write@3:kill`
 * means "the third time execution passes there, SIGKILL". Several are separated by commas. Without the variable a
 * failpoint is one comparison.
 */
type Action = "kill" | "eio" | "enospc" | "delay";

interface Armed {
  readonly name: string;
  remaining: number;
  readonly action: Action;
}

const DELAY_MS = 2_000;

const parse = (text: string): Armed[] =>
  text.split(",").flatMap((part) => {
    const at = part.indexOf("@");
    const colon = part.indexOf(":", at);
    if (at < 0 || colon < 0) return [];
    return [
      {
        name: part.slice(0, at).trim(),
        remaining: Number(part.slice(at + 1, colon)),
        action: part.slice(colon + 1).trim() as Action,
      },
    ];
  });

const armed = parse(process.env["TRIPTYCH_FAILPOINT"] ?? "");

/** Passes through a named place. Throws an error with `code` EIO or ENOSPC, kills the process or blocks, when armed. */
export function failpoint(name: string): void {
  if (armed.length === 0) return;
  for (const point of armed) {
    if (point.name !== name) continue;
    point.remaining--;
    if (point.remaining !== 0) continue;
    act(point);
  }
}

function act(point: Armed): void {
  switch (point.action) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      // The signal is delivered asynchronously to this thread: nothing after the failpoint may run.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DELAY_MS);
      return;
    case "delay":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DELAY_MS);
      return;
    default:
      throw Object.assign(new Error(`failpoint ${point.name}: ${point.action}`), {
        code: point.action.toUpperCase(),
      });
  }
}
