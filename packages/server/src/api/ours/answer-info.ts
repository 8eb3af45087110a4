/** The part of every answer of our own API that says what was read for it. */
import type { AnswerInfo } from "@triptych/contract";
import type { Clock } from "@triptych/model";

/** Starts counting; the returned function makes the info when the answer is there. */
export function answerInfo(
  clock: Clock,
  reader: { readonly rowsRead: number; readonly bytesRead: number },
): (marks?: readonly string[]) => AnswerInfo {
  const startedMs = clock.monotonicMs();
  return (marks = []) => ({
    tookMs: Math.round((clock.monotonicMs() - startedMs) * 10) / 10,
    rowsRead: reader.rowsRead,
    bytesRead: reader.bytesRead,
    marks,
  });
}
