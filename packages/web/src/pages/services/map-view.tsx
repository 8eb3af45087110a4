/** The map of a time range, its drawer, and the same as a table. */
import type { DependenciesAnswer } from "@triptych/contract";
import { useMemo } from "react";
import { useAnswer } from "../../api/answer.ts";
import { formatCount, formatDuration, formatShare, threeDigits } from "../../charts/format.ts";
import { Answered, BoneRows } from "../../components/answered.tsx";
import { Drawer, useDrawerWidth } from "../../components/drawer.tsx";
import { Honest, StateMark } from "../../components/icon.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import { NothingMatches } from "../../components/teach.tsx";
import { useKeys } from "../../state/keyboard.tsx";
import { many, one } from "../../state/params.ts";
import { rangeParams, useRange } from "../../state/range-context.tsx";
import { useParams, useSetParams } from "../../state/url-state.ts";
import { MapDrawer } from "./map-drawer.tsx";
import { graphOf, type MapGraph } from "./map-graph.ts";
import { type Chosen, ServiceMap } from "./service-map.tsx";
import type { ServiceRow } from "./use-services.ts";

/** More connections than this are no picture any more; the busiest stay. */
const edgesMax = 500;

export function MapView(props: {
  readonly services: readonly ServiceRow[] | undefined;
  readonly seconds: number;
}) {
  const { range } = useRange();
  const answer = useAnswer<DependenciesAnswer>("/dependencies", {
    ...rangeParams(range),
    limit: String(edgesMax),
  });
  const graph = useMemo(
    () => graphOf(answer.data?.edges ?? [], props.services ?? []),
    [answer.data, props.services],
  );
  return (
    <Answered answer={answer} what="the map" skeleton={<BoneRows rows={6} height={64} />}>
      {(data) =>
        graph.nodes.length === 0 ? (
          <NothingMatches what="call" />
        ) : (
          <>
            {(data.marks.length > 0 || data.edges.length >= edgesMax) && (
              <div className="bar">
                {data.marks.map((mark) => (
                  <Honest key={mark}>{mark}</Honest>
                ))}
                {data.edges.length >= edgesMax && (
                  <Honest>{`Only the ${edgesMax} busiest connections are shown.`}</Honest>
                )}
              </div>
            )}
            <Picture graph={graph} seconds={props.seconds} />
          </>
        )
      }
    </Answered>
  );
}

function Picture(props: { readonly graph: MapGraph; readonly seconds: number }) {
  const { graph, seconds } = props;
  const params = useParams();
  const setParams = useSetParams();
  const [width, setWidth] = useDrawerWidth("map", 380);
  const chosen = chosenIn(params);
  const choose = (next: Chosen | undefined) =>
    setParams({
      node: next?.kind === "node" ? next.name : undefined,
      edge: next?.kind === "edge" ? [next.client, next.server] : undefined,
    });
  useKeys(chosen === undefined ? {} : { Escape: () => choose(undefined) });
  return (
    <div
      className={`split maps ${chosen === undefined ? "whole" : ""}`}
      style={{ "--drawer": `${width}px` } as React.CSSProperties}
    >
      <div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways */}
        <div className="scrollx" tabIndex={0} role="region" aria-label="Map of services">
          <ServiceMap graph={graph} seconds={seconds} chosen={chosen} choose={choose} />
        </div>
        <Legend />
        <details className="behind">
          <summary>The same as a table</summary>
          <EdgeTable graph={graph} seconds={seconds} choose={choose} />
        </details>
      </div>
      {chosen !== undefined && (
        <Drawer label="Details" width={width} setWidth={setWidth}>
          <MapDrawer
            graph={graph}
            chosen={chosen}
            seconds={seconds}
            choose={choose}
            close={() => choose(undefined)}
          />
        </Drawer>
      )}
    </div>
  );
}

function chosenIn(params: ReturnType<typeof useParams>): Chosen | undefined {
  const name = one(params, "node");
  if (name !== undefined) return { kind: "node", name };
  const [client, server] = many(params, "edge");
  return client === undefined || server === undefined
    ? undefined
    : { kind: "edge", client, server };
}

function Legend() {
  return (
    <div className="bar small muted">
      <span>A thick line: many calls</span>
      <StateMark state="critical" word="5 % and more fail, or far slower than usual" />
      <StateMark state="warn" word="1 % and more fail, or slower than usual" />
      <span>Dashed box: no spans of its own</span>
    </div>
  );
}

function EdgeTable(props: {
  readonly graph: MapGraph;
  readonly seconds: number;
  readonly choose: (chosen: Chosen) => void;
}) {
  return (
    <div className="scrollx">
      <table className="dense">
        <caption className="vh">Who calls whom, the most calls first</caption>
        <thead>
          <tr>
            <th>From</th>
            <th>To</th>
            <th>State</th>
            <th className="num">Rate</th>
            <th className="num">Calls</th>
            <th className="num">Failed</th>
            <th className="num c-x">p50</th>
            <th className="num">p95</th>
            <th className="num c-x">p99</th>
          </tr>
        </thead>
        <tbody>
          {props.graph.edges.map(({ edge, state, word }) => {
            const side = edge.clientSide.p95Ns === 0 ? edge.serverSide : edge.clientSide;
            return (
              <tr key={`${edge.client} ${edge.server} ${edge.connectionType}`}>
                <td>
                  <ServiceName name={edge.client} />
                </td>
                <td>
                  <button
                    type="button"
                    className="link"
                    onClick={() =>
                      props.choose({ kind: "edge", client: edge.client, server: edge.server })
                    }
                  >
                    {edge.server}
                  </button>
                </td>
                <td>
                  <StateMark state={state} word={word} />
                </td>
                <td className="num mono">{threeDigits(edge.calls / props.seconds)}/s</td>
                <td className="num mono">{formatCount(edge.calls)}</td>
                <td className="num mono">
                  {edge.failed === 0 ? "0" : formatShare(edge.failed / edge.calls)}
                </td>
                <td className="num mono c-x">{formatDuration(side.p50Ns)}</td>
                <td className="num mono">{formatDuration(side.p95Ns)}</td>
                <td className="num mono c-x">{formatDuration(side.p99Ns)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
