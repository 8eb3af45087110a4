/** Our own metrics, rendered in the Prometheus text format at `/metrics`. */
export type MetricKind = "counter" | "gauge";

export interface Metrics {
  /** A counter with at most one label; label values beyond a bound are counted under `other`. */
  counter(name: string, help: string, label?: string): Counter;
  /** A value read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void;
  /** A count kept elsewhere, read when it is asked for. */
  observed(name: string, help: string, read: () => number): void;
  render(): string;
}

export interface Counter {
  add(value: number, label?: string): void;
  total(): number;
}

/** Label values come from our own code, but a mistake there must not grow without bound. */
const LABEL_VALUES_MAX = 100;

export function createMetrics(): Metrics {
  const rendered: (() => string)[] = [];
  const head = (name: string, help: string, kind: MetricKind): string =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
  const reader = (name: string, help: string, kind: MetricKind, read: () => number): void => {
    rendered.push(() => `${head(name, help, kind)}${name} ${read()}\n`);
  };
  return {
    counter(name, help, label) {
      const values = new Map<string, number>();
      rendered.push(() => {
        let text = head(name, help, "counter");
        if (label === undefined && values.size === 0) text += `${name} 0\n`;
        for (const [key, value] of values) {
          text +=
            label === undefined
              ? `${name} ${value}\n`
              : `${name}{${label}="${escapeLabel(key)}"} ${value}\n`;
        }
        return text;
      });
      return {
        add(value, key = "") {
          const known = values.has(key) || values.size < LABEL_VALUES_MAX ? key : "other";
          values.set(known, (values.get(known) ?? 0) + value);
        },
        total: () => [...values.values()].reduce((sum, value) => sum + value, 0),
      };
    },
    gauge: (name, help, read) => reader(name, help, "gauge", read),
    observed: (name, help, read) => reader(name, help, "counter", read),
    render: () => rendered.map((render) => render()).join(""),
  };
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
