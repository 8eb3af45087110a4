/** The first lines of a page: the finding as a sentence, then what it rests on and what limits it. */
import type { AnswerInfo } from "@triptych/contract";
import { type ReactNode, useEffect } from "react";
import { formatBytes, formatCount, formatDuration } from "../charts/format.ts";
import { Bone } from "./answered.tsx";
import { Honest } from "./icon.tsx";

/** Stands where the sentence will be. */
export function FindingBone() {
  return (
    <span role="status" aria-label="Reading" className="bone-h1">
      <Bone width="min(560px, 80%)" height={18} />
    </span>
  );
}

export function PageHead(props: {
  readonly title: string;
  readonly finding: ReactNode;
  readonly info?: AnswerInfo | undefined;
  readonly children?: ReactNode;
  readonly stale?: boolean;
}) {
  useEffect(() => {
    document.title = `${props.title} · Triptych`;
  }, [props.title]);
  return (
    <header className={`sentence ${props.stale ? "stale" : ""}`}>
      <h1>{props.finding ?? <FindingBone />}</h1>
      <div className="sub">
        {props.children}
        {props.info?.marks.map((mark) => (
          <Honest key={mark} warn={/missing|failed|partial|skipped/i.test(mark)}>
            {mark}
          </Honest>
        ))}
        {props.info !== undefined && (
          <span
            className="faint"
            data-tip={`Read ${formatCount(props.info.rowsRead)} rows, ${formatBytes(props.info.bytesRead)}`}
          >
            {formatDuration(props.info.tookMs * 1e6)}
          </span>
        )}
      </div>
    </header>
  );
}
