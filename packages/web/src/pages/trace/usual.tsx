/** How long this operation usually takes, and where this span stands in that. */
import type { UsualAnswer } from "@triptych/contract";
import { useCallback } from "react";
import { useAnswer } from "../../api/answer.ts";
import { Canvas, type Draw, Figure, useWidth } from "../../charts/canvas.tsx";
import { formatDuration, plural } from "../../charts/format.ts";
import { durationAt, rowPosition } from "../../charts/heat-scale.ts";
import { logTicks } from "../../charts/ticks.ts";
import { Bone } from "../../components/answered.tsx";
import { PageLink } from "../../components/page-link.tsx";
import type { ShownSpan } from "./shown-trace.ts";
import { storableRange } from "./storable-range.ts";
import { shareBelow } from "./share-below.ts";

const dayMs = 86_400_000;
const height = 40;

export function Usual(props: { readonly span: ShownSpan; readonly startMs: number }) {
  const { span, startMs } = props;
  const endMs = startMs + (span.offsetNs + span.durationNs) / 1e6;
  const day = storableRange(startMs - dayMs, endMs + 1);
  const answer = useAnswer<UsualAnswer>(
    "/traces/usual",
    {
      service: span.service,
      operation: span.name,
      from: String(day.from),
      to: String(day.to),
    },
    { keep: false },
  );
  const usual = answer.data;
  if (answer.failure !== undefined) {
    return (
      <section className="usual sect">
        <p className="muted small">What is usual could not be read: {answer.failure.message}</p>
      </section>
    );
  }
  if (usual === undefined) {
    return (
      <section className="usual sect" aria-hidden="true">
        <Bone width="60%" />
        <div style={{ height: height + 10 }} />
        <Bone width="40%" />
      </section>
    );
  }
  if (usual.spans < 2) {
    return (
      <section className="usual sect">
        <p className="muted small">
          This is the only span of this operation in the day before: nothing to compare with.
        </p>
      </section>
    );
  }
  const below = shareBelow(usual, span.durationNs);
  return (
    <section className="usual sect" aria-label="Usual for this operation">
      <div className="row">
        <b className="strong">Usual for this operation: {formatDuration(usual.p50Ns)}</b>
        <span className="grow" />
        <span className="muted small nowrap">{plural(usual.spans, "span")}, 24 h</span>
      </div>
      <Histogram usual={usual} ns={span.durationNs} />
      <p className="muted small">
        {words(below, usual, span.durationNs)}{" "}
        <PageLink
          to="/traces"
          className="link"
          params={{ service: span.service, operation: span.name }}
        >
          Traces with it
        </PageLink>
      </p>
    </section>
  );
}

function words(below: number, usual: UsualAnswer, ns: number): string {
  if (ns > usual.p99Ns && below >= 0.99)
    return `Slower than ${(below * 100).toFixed(below > 0.999 ? 2 : 1).replace(/\.?0+$/, "")}\u00a0% of them.`;
  if (below >= 0.5) return `Slower than ${Math.round(below * 100)}\u00a0% of them.`;
  return `Faster than ${Math.round((1 - below) * 100)}\u00a0% of them.`;
}

function Histogram(props: { readonly usual: UsualAnswer; readonly ns: number }) {
  const { usual, ns } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const draw = useCallback<Draw>(
    (pen) => {
      const { context } = pen;
      const { boundsNs, counts } = usual;
      const used = counts.flatMap((count, i) => (count > 0 ? [i] : []));
      const own = rowPosition(boundsNs, ns);
      const low = Math.max(0, Math.min(used[0] ?? 0, Math.floor(own)) - 1);
      const high = Math.min(boundsNs.length, Math.max((used.at(-1) ?? 0) + 1, Math.ceil(own)) + 1);
      const x = (position: number) =>
        ((position - low) / Math.max(1, high - low)) * (pen.width - 8) + 4;
      const most = Math.max(1, ...counts);
      const base = height - 17;
      context.fillStyle = pen.colour("--faint");
      context.globalAlpha = 0.6;
      counts.forEach((count, i) => {
        if (count > 0)
          context.fillRect(
            x(i),
            base - (count / most) * (base - 3),
            Math.max(1, x(i + 1) - x(i) - 1),
            Math.max(1, (count / most) * (base - 3)),
          );
      });
      context.globalAlpha = 1;
      context.fillStyle = pen.colour("--border-strong");
      context.fillRect(0, base, pen.width, 1);
      context.font = pen.font(11);
      context.textAlign = "center";
      context.textBaseline = "alphabetic";
      context.fillStyle = pen.colour("--faint");
      let free = 0;
      for (const tick of logTicks(durationAt(boundsNs, low), durationAt(boundsNs, high))) {
        const at = x(rowPosition(boundsNs, tick));
        const label = formatDuration(tick, "axis");
        const half = context.measureText(label).width / 2;
        if (at - half < free || at + half > pen.width) continue;
        context.fillText(label, at, height - 3);
        free = at + half + 12;
      }
      const at = x(own);
      const slow = ns > usual.p99Ns;
      context.fillStyle = pen.colour(slow ? "--critical" : "--text");
      context.fillRect(Math.round(at) - 1, 2, 2, base - 2);
      context.textAlign = at > pen.width / 2 ? "right" : "left";
      // A halo, because the words may stand on bars.
      context.strokeStyle = pen.colour("--surface");
      context.lineWidth = 4;
      context.lineJoin = "round";
      const words = at > pen.width / 2 ? at - 6 : at + 6;
      context.strokeText("this span", words, 11);
      context.fillText("this span", words, 11);
    },
    [usual, ns],
  );
  return (
    <Figure
      summary={`Half of the spans took less than ${formatDuration(usual.p50Ns)}, 95 of 100 less than ${formatDuration(usual.p95Ns)}, this one ${formatDuration(ns)}.`}
    >
      <div ref={box} style={{ height, marginTop: 6 }}>
        <Canvas width={width} height={height} draw={draw} />
      </div>
    </Figure>
  );
}
