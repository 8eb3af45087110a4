/** The map drawn: boxes in layers, calls from left to right, thick where there are many, marked where they fail. */
import { useEffect, useMemo, useRef } from "react";
import { seriesVariable } from "../../charts/colour.ts";
import { layeredLayout, type Place } from "../../charts/layered-layout.ts";
import { Shape } from "../../components/icon.tsx";
import {
  edgeFigures,
  figureWords,
  kindWords,
  type MapEdge,
  type MapGraph,
  type MapNode,
  mapSummary,
} from "./map-graph.ts";

const box = { width: 196, height: 48 } as const;
const gap = { x: 68, y: 22 } as const;
const margin = 20;
const thickest = 7;
const thinnest = 1.25;

export type Chosen =
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "edge"; readonly client: string; readonly server: string };

export interface ServiceMapProps {
  readonly graph: MapGraph;
  readonly seconds: number;
  readonly chosen: Chosen | undefined;
  readonly choose: (chosen: Chosen | undefined) => void;
}

export function ServiceMap(props: ServiceMapProps) {
  const { graph, chosen } = props;
  const layout = useMemo(
    () =>
      layeredLayout(
        graph.nodes.map(({ name }) => name),
        graph.edges.map(({ edge }) => ({ from: edge.client, to: edge.server })),
      ),
    [graph],
  );
  const width = margin * 2 + layout.layers * box.width + (layout.layers - 1) * gap.x;
  const height = margin * 2 + layout.rows * (box.height + gap.y) - gap.y;
  const near = nearOf(graph, chosen);
  const picture = useRef<SVGSVGElement>(null);
  const key = chosen === undefined ? "" : JSON.stringify(chosen);
  useEffect(() => {
    // The drawer takes room: what was chosen may have gone out of sight.
    if (key === "") return;
    const pressed = picture.current?.querySelector('[aria-pressed="true"]');
    pressed?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [key]);
  return (
    <figure className="chart map" aria-label={mapSummary(graph)}>
      <svg
        ref={picture}
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="group"
        aria-label={mapSummary(graph)}
      >
        {graph.edges.map((one, i) => (
          <Edge
            key={`${one.edge.client} ${one.edge.server} ${one.edge.connectionType}`}
            one={one}
            route={layout.routes[i] ?? []}
            home={layout.places.get(one.edge.client)}
            seconds={props.seconds}
            dim={near !== undefined && !near.edges.has(one)}
            chosen={chosen}
            choose={props.choose}
          />
        ))}
        {graph.nodes.map((node) => (
          <Node
            key={node.name}
            node={node}
            place={layout.places.get(node.name) ?? { layer: 0, row: 0 }}
            seconds={props.seconds}
            dim={near !== undefined && !near.nodes.has(node.name)}
            isChosen={chosen?.kind === "node" && chosen.name === node.name}
            choose={props.choose}
          />
        ))}
      </svg>
    </figure>
  );
}

/** What stays bright when something is chosen: itself and what it touches. */
function nearOf(graph: MapGraph, chosen: Chosen | undefined) {
  if (chosen === undefined) return undefined;
  const edges = graph.edges.filter(({ edge }) =>
    chosen.kind === "edge"
      ? edge.client === chosen.client && edge.server === chosen.server
      : edge.client === chosen.name || edge.server === chosen.name,
  );
  const own = chosen.kind === "node" ? [chosen.name] : [chosen.client, chosen.server];
  return {
    edges: new Set(edges),
    nodes: new Set([...own, ...edges.flatMap(({ edge }) => [edge.client, edge.server])]),
  };
}

const leftOf = ({ layer }: Place): number => margin + layer * (box.width + gap.x);
const middleOf = ({ row }: Place): number => margin + row * (box.height + gap.y) + box.height / 2;

/** Enter and Space press what is drawn, as they press a button. */
function pressKeys(press: () => void) {
  return (event: React.KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    press();
  };
}

function Node(props: {
  readonly node: MapNode;
  readonly place: Place;
  readonly seconds: number;
  readonly dim: boolean;
  readonly isChosen: boolean;
  readonly choose: ServiceMapProps["choose"];
}) {
  const { node, place } = props;
  const words = figureWords(node, props.seconds);
  const [x, y] = [leftOf(place), middleOf(place) - box.height / 2];
  const press = () => props.choose(props.isChosen ? undefined : { kind: "node", name: node.name });
  const isQuiet = node.state === "ok" || node.state === "none";
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no button inside a picture
    <g
      className={`node ${node.kind} ${node.state} ${props.dim ? "dim" : ""}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabIndex={0}
      aria-pressed={props.isChosen}
      aria-label={`${node.name}, ${kindWords[node.kind]}, ${node.word}: ${words}`}
      style={{ "--c": seriesVariable(node.name) } as React.CSSProperties}
      onClick={press}
      onKeyDown={pressKeys(press)}
    >
      <rect width={box.width} height={box.height} rx={node.kind === "queue" ? 24 : 6} />
      <KindMark kind={node.kind} />
      <text x="30" y="20" className="name">
        {cut(node.name === "" ? "(no service name)" : node.name, isQuiet ? 24 : 20)}
      </text>
      <text x="30" y="37" className="figures">
        {cut(words, 30)}
      </text>
      {!isQuiet && (
        <g className={`st ${node.state}`} transform={`translate(${box.width - 20} 11)`}>
          <Shape state={node.state} />
        </g>
      )}
      <title>{`${node.name}, ${kindWords[node.kind]}, ${node.word}: ${words}`}</title>
    </g>
  );
}

/** A square for a service, a drum for a database, an open square for what has no spans. */
function KindMark(props: { readonly kind: MapNode["kind"] }) {
  switch (props.kind) {
    case "service":
      return <rect className="mark" x="12" y="11" width="9" height="9" rx="2" />;
    case "database":
      return (
        <path
          className="open"
          d="M12 12.500c0-3 9.500-3 9.500 0v6.500c0 3-9.500 3-9.500 0zM12 12.500c0 3 9.500 3 9.500 0"
        />
      );
    case "queue":
      return <path className="open" d="M12 12h9.500M12 15.500h9.500M12 19h9.500" />;
    case "external":
      return <rect className="open" x="12.500" y="11.500" width="8.500" height="8.500" rx="2" />;
  }
}

const cut = (text: string, charsMax: number): string =>
  text.length > charsMax ? `${text.slice(0, charsMax - 1)}\u2026` : text;

function Edge(props: {
  readonly one: MapEdge;
  readonly route: readonly Place[];
  /** Where an edge to itself is drawn. */
  readonly home: Place | undefined;
  readonly seconds: number;
  readonly dim: boolean;
  readonly chosen: Chosen | undefined;
  readonly choose: ServiceMapProps["choose"];
}) {
  const { edge, state, word, weight } = props.one;
  const line = props.route.length > 1 ? lineOf(props.route) : loopOf(props.home);
  const isChosen =
    props.chosen?.kind === "edge" &&
    props.chosen.client === edge.client &&
    props.chosen.server === edge.server;
  const words = `${edge.client} calls ${edge.server}: ${figureWords(edgeFigures(edge), props.seconds)}, ${word}`;
  const press = () =>
    props.choose(isChosen ? undefined : { kind: "edge", client: edge.client, server: edge.server });
  const isBad = state === "critical" || state === "warn";
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no button inside a picture
    <g
      className={`edge ${state} ${edge.connectionType} ${props.dim ? "dim" : ""} ${isChosen ? "on" : ""}`}
      role="button"
      tabIndex={0}
      aria-pressed={isChosen}
      aria-label={words}
      onClick={press}
      onKeyDown={pressKeys(press)}
    >
      <path className="hit" d={line.path} />
      <path
        className="line"
        d={line.path}
        strokeWidth={thinnest + weight * (thickest - thinnest)}
      />
      <path className="tip-of" d="M-7 -4.500 0 0 -7 4.500z" transform={line.end} />
      {isBad && (
        <g
          className={`st ${state}`}
          transform={`translate(${line.middle.x - 5} ${line.middle.y - 5})`}
        >
          <circle cx="5" cy="5" r="8" className="ground" />
          <Shape state={state} />
        </g>
      )}
      <title>{words}</title>
    </g>
  );
}

interface Line {
  readonly path: string;
  readonly end: string;
  readonly middle: { readonly x: number; readonly y: number };
}

function lineOf(route: readonly Place[]): Line {
  const points = route.map((place, i) => {
    const isBack = (route[0]?.layer ?? 0) > (route.at(-1)?.layer ?? 0);
    const atLeft = i === 0 ? isBack : i === route.length - 1 ? !isBack : undefined;
    const x = leftOf(place) + (atLeft === undefined ? box.width / 2 : atLeft ? 0 : box.width);
    return { x, y: middleOf(place) };
  });
  const [first = { x: 0, y: 0 }, ...rest] = points;
  let path = `M${first.x} ${first.y}`;
  let before = first;
  for (const point of rest) {
    const bend = (before.x + point.x) / 2;
    path += `C${bend} ${before.y} ${bend} ${point.y} ${point.x} ${point.y}`;
    before = point;
  }
  const last = points.at(-1) ?? first;
  const previous = points.at(-2) ?? first;
  const at = Math.floor((points.length - 1) / 2);
  const [a, b] = [points[at] ?? first, points[at + 1] ?? last];
  return {
    path,
    end: `translate(${last.x} ${last.y}) rotate(${previous.x > last.x ? 180 : 0})`,
    middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
  };
}

/** A call to itself: an arc over the box. */
function loopOf(home: Place | undefined): Line {
  const x = leftOf(home ?? { layer: 0, row: 0 }) + box.width / 2;
  const y = middleOf(home ?? { layer: 0, row: 0 }) - box.height / 2;
  return {
    path: `M${x - 22} ${y}c0 -16 44 -16 44 0`,
    end: `translate(${x + 22} ${y}) rotate(90)`,
    middle: { x, y: y - 12 },
  };
}
