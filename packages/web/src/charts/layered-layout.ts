/**
 * Places for the nodes of a directed graph in layers from left to right, as Sugiyama, Tagawa and Toda describe it (1981):
 * cycles are broken, each node stands right of those that lead to it, orders are chosen so that few edges cross, and
 * edges over several layers get points to bend at. Plain numbers out; the same graph always gives the same picture.
 */

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
}

export interface Place {
  readonly layer: number;
  /** In heights of a row, from 0. */
  readonly row: number;
}

export interface LayeredLayout {
  readonly places: ReadonlyMap<string, Place>;
  /** Where each edge passes, in the order of `edges`: both ends included; none for an edge to itself. */
  readonly routes: readonly (readonly Place[])[];
  readonly layers: number;
  /** Height of the picture in rows. */
  readonly rows: number;
}

interface Point {
  readonly layer: number;
  /** What it takes in its layer; a bend needs less than a node. */
  readonly height: number;
  readonly before: number[];
  readonly after: number[];
  row: number;
}

const orderSweeps = 8;
const placeSweeps = 6;
const bendHeight = 0.4;
/** More bends than this make no picture; such edges go straight. */
const bendsMax = 4_000;

export function layeredLayout(
  names: readonly string[],
  edges: readonly GraphEdge[],
): LayeredLayout {
  const index = new Map(names.map((name, i) => [name, i]));
  const links = edges.map(({ from, to }) => [index.get(from) ?? -1, index.get(to) ?? -1] as const);
  const forward = withoutCycles(names.length, links);
  const layerOf = longestPaths(names.length, forward);
  const points: Point[] = layerOf.map((layer) => newPoint(layer, 1));
  const routes = forward.map((link) => (link === undefined ? [] : route(points, link)));
  const layers = arrange(points);
  place(points, layers);
  const placeOf = (i: number): Place => ({
    layer: points[i]?.layer ?? 0,
    row: points[i]?.row ?? 0,
  });
  return {
    places: new Map(names.map((name, i) => [name, placeOf(i)])),
    routes: routes.map((through, i) => {
      const turned = forward[i]?.[0] !== links[i]?.[0];
      return (turned ? [...through].reverse() : through).map(placeOf);
    }),
    layers: layers.length,
    rows: Math.max(0, ...points.map(({ row, height }) => row + height)),
  };
}

const newPoint = (layer: number, height: number): Point => ({
  layer,
  height,
  before: [],
  after: [],
  row: 0,
});

type Link = readonly [from: number, to: number];

/** Turns the edges that close a cycle; edges to itself and to nothing are taken out. */
function withoutCycles(count: number, links: readonly Link[]): (Link | undefined)[] {
  const out: [to: number, link: number][][] = Array.from({ length: count }, () => []);
  const incoming = new Uint32Array(count);
  links.forEach(([from, to], i) => {
    if (from < 0 || to < 0 || from === to) return;
    out[from]?.push([to, i]);
    incoming[to] = (incoming[to] ?? 0) + 1;
  });
  const turned = new Set<number>();
  // 0 not seen, 1 on the way, 2 done.
  const state = new Uint8Array(count);
  const visit = (start: number): void => {
    const stack: { readonly node: number; next: number }[] = [{ node: start, next: 0 }];
    state[start] = 1;
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const edge = out[top.node]?.[top.next++];
      if (edge === undefined) {
        state[top.node] = 2;
        stack.pop();
        continue;
      }
      const [to, link] = edge;
      if (state[to] === 1) turned.add(link);
      if (state[to] !== 0) continue;
      state[to] = 1;
      stack.push({ node: to, next: 0 });
    }
  };
  // Beginning where nothing leads to turns what a person would call the way back.
  for (let i = 0; i < count; i++) if (incoming[i] === 0 && state[i] === 0) visit(i);
  for (let i = 0; i < count; i++) if (state[i] === 0) visit(i);
  return links.map(([from, to], i) => {
    if (from < 0 || to < 0 || from === to) return undefined;
    return turned.has(i) ? [to, from] : [from, to];
  });
}

/** The layer of each node: one more than the last of those before it. */
function longestPaths(count: number, links: readonly (Link | undefined)[]): number[] {
  const out: number[][] = Array.from({ length: count }, () => []);
  const missing = new Uint32Array(count);
  for (const link of links) {
    if (link === undefined) continue;
    out[link[0]]?.push(link[1]);
    missing[link[1]] = (missing[link[1]] ?? 0) + 1;
  }
  const layer = new Array<number>(count).fill(0);
  const ready = layer.flatMap((_, i) => (missing[i] === 0 ? [i] : []));
  for (const from of ready)
    for (const to of out[from] ?? []) {
      layer[to] = Math.max(layer[to] ?? 0, (layer[from] ?? 0) + 1);
      missing[to] = (missing[to] ?? 0) - 1;
      if (missing[to] === 0) ready.push(to);
    }
  return layer;
}

/** Joins the points of an edge, with a bend in each layer between. */
function route(points: Point[], [from, to]: Link): number[] {
  const through = [from];
  const [first, last] = [points[from]?.layer ?? 0, points[to]?.layer ?? 0];
  for (let layer = first + 1; layer < last && points.length < bendsMax; layer++)
    through.push(points.push(newPoint(layer, bendHeight)) - 1);
  through.push(to);
  for (let i = 1; i < through.length; i++) {
    const [a, b] = [through[i - 1] ?? 0, through[i] ?? 0];
    points[a]?.after.push(b);
    points[b]?.before.push(a);
  }
  return through;
}

/** The points of each layer in an order in which few edges cross: by the mean of their neighbours, to and fro. */
function arrange(points: readonly Point[]): number[][] {
  const layers: number[][] = [];
  points.forEach(({ layer }, i) => {
    while (layers.length <= layer) layers.push([]);
    layers[layer]?.push(i);
  });
  const order = new Float64Array(points.length);
  const number = (layer: readonly number[]): void =>
    layer.forEach((point, i) => {
      order[point] = i / Math.max(1, layer.length - 1);
    });
  layers.forEach(number);
  for (let sweep = 0; sweep < orderSweeps; sweep++) {
    const side = sweep % 2 === 0 ? "before" : "after";
    for (const layer of side === "before" ? layers : [...layers].reverse()) {
      const wish = new Map(
        layer.map((i) => [i, mean(points[i]?.[side] ?? [], order) ?? order[i] ?? 0]),
      );
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0) || a - b);
      number(layer);
    }
  }
  return layers;
}

/** Rows: each point as near to the middle of its neighbours as the order in its layer allows. */
function place(points: readonly Point[], layers: readonly (readonly number[])[]): void {
  const rows = new Float64Array(points.length);
  const heightOf = (i: number): number => points[i]?.height ?? 1;
  for (const layer of layers) {
    let next = 0;
    for (const i of layer) {
      rows[i] = next;
      next += heightOf(i);
    }
  }
  for (let sweep = 0; sweep < placeSweeps; sweep++)
    for (const layer of sweep % 2 === 0 ? layers : [...layers].reverse()) {
      const wish = layer.map((i) => {
        const { before = [], after = [] } = points[i] ?? {};
        return mean([...before, ...after], rows) ?? rows[i] ?? 0;
      });
      spread(layer, wish, heightOf).forEach((row, at) => {
        rows[layer[at] ?? 0] = row;
      });
    }
  const top = rows.reduce((low, row) => Math.min(low, row), Number.POSITIVE_INFINITY);
  points.forEach((point, i) => {
    point.row = (rows[i] ?? 0) - top;
  });
}

/**
 * The rows nearest to what is wished for that keep the order and the distances: neighbours that are too close become one
 * block that stands at the mean of its wishes (isotonic regression).
 */
function spread(
  layer: readonly number[],
  wish: readonly number[],
  heightOf: (point: number) => number,
): number[] {
  const blocks: { sum: number; count: number; first: number }[] = [];
  const offsets: number[] = [];
  let offset = 0;
  layer.forEach((point, i) => {
    offsets.push(offset);
    blocks.push({ sum: (wish[i] ?? 0) - offset, count: 1, first: i });
    offset += heightOf(point);
    for (;;) {
      const [a, b] = [blocks.at(-2), blocks.at(-1)];
      if (a === undefined || b === undefined || a.sum / a.count <= b.sum / b.count) break;
      a.sum += b.sum;
      a.count += b.count;
      blocks.pop();
    }
  });
  return blocks.flatMap(({ sum, count, first }) =>
    Array.from({ length: count }, (_, i) => sum / count + (offsets[first + i] ?? 0)),
  );
}

function mean(points: readonly number[], of: Float64Array): number | undefined {
  if (points.length === 0) return undefined;
  return points.reduce((sum, i) => sum + (of[i] ?? 0), 0) / points.length;
}
