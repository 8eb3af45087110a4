/**
 * A gate lets so many in at once; others wait in line, in order, until their time is over or they leave. The line is
 * bounded: who finds it full is sent away.
 */
import { type Clock, TriptychError } from "@triptych/model";

export interface Gate {
  /**
   * Resolves when there is room; the returned function makes room again and may be called twice. Rejects with
   * `query_timeout` when the time is over first, `query_cancelled` when the signal fires, `query_queue_full` when too
   * many wait.
   */
  enter(who: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<() => void>;
  readonly inside: number;
  readonly waiting: number;
}

export function createGate(options: {
  readonly clock: Clock;
  readonly roomFor: number;
  readonly waitingMax: number;
}): Gate {
  const { clock, roomFor, waitingMax } = options;
  const line: (() => void)[] = [];
  let inside = 0;
  const leaver = (): (() => void) => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      inside--;
      line.shift()?.();
    };
  };
  return {
    get inside() {
      return inside;
    },
    get waiting() {
      return line.length;
    },
    enter({ signal, timeoutMs }) {
      if (inside < roomFor) {
        inside++;
        return Promise.resolve(leaver());
      }
      if (line.length >= waitingMax) {
        const text = `${waitingMax} queries are waiting already; try again later`;
        return Promise.reject(
          new TriptychError("query_queue_full", text, { retryAfterSeconds: 2 }),
        );
      }
      return new Promise((resolve, reject) => {
        const done = (): void => {
          cancel();
          signal.removeEventListener("abort", gone);
          const at = line.indexOf(admit);
          if (at >= 0) line.splice(at, 1);
        };
        const admit = (): void => {
          done();
          inside++;
          resolve(leaver());
        };
        const gone = (): void => {
          done();
          reject(new TriptychError("query_cancelled", "query was canceled in query queue"));
        };
        const cancel = clock.after(timeoutMs, () => {
          done();
          reject(new TriptychError("query_timeout", "query timed out in query queue"));
        });
        signal.addEventListener("abort", gone, { once: true });
        line.push(admit);
      });
    },
  };
}
