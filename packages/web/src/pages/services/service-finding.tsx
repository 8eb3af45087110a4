/** The sentence about all services. */
import { formatDuration, plural } from "../../charts/format.ts";
import { PageLink } from "../../components/page-link.tsx";
import { calmWords } from "./service-health.ts";
import type { ServiceRow } from "./use-services.ts";

export function ServiceFinding(props: {
  readonly rows: readonly ServiceRow[];
  readonly seconds: number;
}) {
  const { rows, seconds } = props;
  const troubled = rows.filter(({ health }) => health.badness > 10);
  const [worst] = troubled;
  if (worst === undefined) return <>{calmWords(rows, seconds)}.</>;
  const { health, name, now } = worst;
  const link = <PageLink to={`/services/${encodeURIComponent(name)}`}>{name}</PageLink>;
  const more =
    troubled.length > 1 ? (
      <> {plural(troubled.length - 1, "more service")} beyond usual.</>
    ) : undefined;
  if (health.word === "Silent")
    return (
      <>
        {link} <em className="w">is silent</em>: it takes no requests any more.{more}
      </>
    );
  const isSlow = health.why.startsWith("p95");
  return (
    <>
      {link}
      {isSlow && <> p95 is {formatDuration(now.p95Ns)}</>}
      {isSlow ? ", " : ": "}
      <em className={health.state === "critical" ? "" : "w"}>
        {isSlow ? health.why.slice("p95 ".length) : health.why}
      </em>
      .{more}
    </>
  );
}
