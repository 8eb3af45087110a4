/** What is known of a node or a connection of the map, and where it leads. */
import type { DependencyEdge, EdgeDurations } from "@triptych/contract";
import { formatCount, formatDuration, formatShare, threeDigits } from "../../charts/format.ts";
import { CloseDetails } from "../../components/close-details.tsx";
import { StateMark } from "../../components/icon.tsx";
import { PageLink } from "../../components/page-link.tsx";
import { ServiceName } from "../../components/service-name.tsx";
import type { ParamsChange } from "../../state/params.ts";
import { edgeFigures, figureWords, kindWords, type MapGraph, type MapNode } from "./map-graph.ts";
import type { Chosen } from "./service-map.tsx";

interface MapDrawerProps {
  readonly graph: MapGraph;
  readonly chosen: Chosen;
  readonly seconds: number;
  readonly choose: (chosen: Chosen) => void;
  readonly close: () => void;
}

export function MapDrawer(props: MapDrawerProps) {
  const { graph, chosen } = props;
  if (chosen.kind === "node") {
    const node = graph.nodes.find(({ name }) => name === chosen.name);
    return node === undefined ? <Gone {...props} /> : <NodeDetails {...props} node={node} />;
  }
  const found = graph.edges.find(
    ({ edge }) => edge.client === chosen.client && edge.server === chosen.server,
  );
  return found === undefined ? <Gone {...props} /> : <EdgeDetails {...props} edge={found.edge} />;
}

function Gone(props: MapDrawerProps) {
  const { chosen } = props;
  const name = chosen.kind === "node" ? chosen.name : `${chosen.client} to ${chosen.server}`;
  return (
    <>
      <Head title={name} close={props.close} />
      <p className="pad muted">It is not in this time.</p>
    </>
  );
}

function Head(props: {
  readonly title: string;
  readonly close: () => void;
  readonly children?: React.ReactNode;
}) {
  return (
    <header>
      <div className="row">
        <h2 className="ell grow">{props.title}</h2>
        <CloseDetails close={props.close} />
      </div>
      {props.children}
    </header>
  );
}

function NodeDetails(props: MapDrawerProps & { readonly node: MapNode }) {
  const { node, graph } = props;
  const callers = graph.edges.filter(({ edge }) => edge.server === node.name);
  const callees = graph.edges.filter(({ edge }) => edge.client === node.name);
  const why = node.row?.health.why ?? "";
  return (
    <>
      <Head title={node.name} close={props.close}>
        <div className="row wrap">
          <StateMark state={node.state} word={node.word} />
          <span className="muted">{kindWords[node.kind]}</span>
        </div>
        <p>{why === "" ? figureWords(node, props.seconds) : why}</p>
      </Head>
      {node.kind === "service" ? (
        <Jumps service={node.name} />
      ) : (
        <p className="pad muted">
          It sends no spans. What is known of it comes from those who call it.
        </p>
      )}
      <Connections title="Called by" edges={callers} of="client" {...props} />
      <Connections title="Calls" edges={callees} of="server" {...props} />
    </>
  );
}

function Jumps(props: { readonly service: string; readonly traces?: ParamsChange }) {
  const { service } = props;
  return (
    <div className="row wrap jumps">
      <PageLink to={`/services/${encodeURIComponent(service)}`} className="btn primary">
        Explain
      </PageLink>
      <PageLink to="/traces" params={{ service, ...props.traces }} className="btn">
        Traces
      </PageLink>
      <PageLink to="/logs" params={{ service }} className="btn">
        Logs
      </PageLink>
      <PageLink
        to="/metrics"
        params={{ name: "traces_spanmetrics_calls_total", match: [`service=${service}`] }}
        className="btn"
      >
        Metrics
      </PageLink>
    </div>
  );
}

function Connections(
  props: Pick<MapDrawerProps, "choose" | "seconds"> & {
    readonly title: string;
    readonly edges: MapGraph["edges"];
    readonly of: "client" | "server";
  },
) {
  if (props.edges.length === 0) return null;
  return (
    <section>
      <h3 className="gh">{props.title}</h3>
      <ul className="conn">
        {props.edges.map(({ edge, state, word }) => (
          <li key={`${edge[props.of]} ${edge.connectionType}`}>
            <button
              type="button"
              className="value"
              onClick={() =>
                props.choose({ kind: "edge", client: edge.client, server: edge.server })
              }
            >
              <StateMark state={state} word={word} quiet />
              <ServiceName name={edge[props.of]} />
            </button>
            <span className="muted small">{figureWords(edgeFigures(edge), props.seconds)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const connectionWords = {
  "": "A call from span to span.",
  messaging_system: "Messages through a queue.",
  database: "Calls to a database, as its caller sees them.",
  virtual_node: "Calls to what has no spans of its own, as its caller sees them.",
} as const;

function EdgeDetails(props: MapDrawerProps & { readonly edge: DependencyEdge }) {
  const { edge } = props;
  const node = (name: string) => (
    <button type="button" className="link" onClick={() => props.choose({ kind: "node", name })}>
      {name}
    </button>
  );
  return (
    <>
      <Head title={`${edge.client} \u2192 ${edge.server}`} close={props.close}>
        <p>{figureWords(edgeFigures(edge), props.seconds)}</p>
        <p className="muted">{connectionWords[edge.connectionType]}</p>
      </Head>
      <Jumps
        service={edge.client}
        traces={edge.failed > 0 ? { status: "error" } : { sort: "duration" }}
      />
      <dl className="pairs pad">
        <dt>From</dt>
        <dd>{node(edge.client)}</dd>
        <dt>To</dt>
        <dd>{node(edge.server)}</dd>
        <dt>Calls</dt>
        <dd>
          {formatCount(edge.calls)}, {threeDigits(edge.calls / props.seconds)}/s
        </dd>
        <dt>Failed</dt>
        <dd className={edge.failed > 0 ? "c-critical" : ""}>
          {formatCount(edge.failed)}
          {edge.failed > 0 && `, ${formatShare(edge.failed / edge.calls)}`}
        </dd>
      </dl>
      <table className="dense">
        <caption className="vh">How long calls take</caption>
        <thead>
          <tr>
            <th>Duration</th>
            <th className="num">p50</th>
            <th className="num">p95</th>
            <th className="num">p99</th>
          </tr>
        </thead>
        <tbody>
          <Durations name="as the caller sees it" of={edge.clientSide} />
          <Durations name="as the callee sees it" of={edge.serverSide} />
        </tbody>
      </table>
    </>
  );
}

function Durations(props: { readonly name: string; readonly of: EdgeDurations }) {
  const { of } = props;
  const figures = [of.p50Ns, of.p95Ns, of.p99Ns];
  return (
    <tr>
      <td>{props.name}</td>
      {of.p95Ns === 0 ? (
        <td colSpan={3} className="num faint">
          no spans
        </td>
      ) : (
        figures.map((figure, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the columns are fixed
          <td key={i} className="num mono">
            {formatDuration(figure)}
          </td>
        ))
      )}
    </tr>
  );
}
