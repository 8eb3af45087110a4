/**
 * What a collector writes into: families of samples, rendered as the Prometheus text format. Built-in collectors hand
 * over text as any exporter would, so parsing, limits, staleness and `up` are those of a scrape and stand in one place.
 */
export type FamilyType = "counter" | "gauge" | "histogram" | "summary" | "untyped";
export type FamilyLabels = { readonly [name: string]: string };

export interface Family {
  add(value: number, labels?: FamilyLabels): void;
}

export interface Families {
  /** The family with this name; the first to name it says its type and help. */
  family(name: string, type: FamilyType, help: string): Family;
  /** The same for a family with one sample. */
  one(name: string, type: FamilyType, help: string, value: number): void;
  /** Lines of a text that is in the format already, after all families. */
  text(text: string): void;
  /** Samples so far, without those of `text`. */
  readonly samples: number;
  render(): string;
}

/**
 * Samples of one collection: several hundred containers, or a server with ten thousand variables. What comes after is
 * left out.
 */
const SAMPLES_MAX = 200_000;

export function createFamilies(samplesMax = SAMPLES_MAX): Families {
  const families = new Map<string, { readonly head: string; readonly lines: string[] }>();
  const texts: string[] = [];
  let samples = 0;
  const family = (name: string, type: FamilyType, help: string): Family => {
    let known = families.get(name);
    if (known === undefined) {
      known = {
        head: `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`,
        lines: [],
      };
      families.set(name, known);
    }
    const { lines } = known;
    return {
      add(value, labels) {
        if (samples >= samplesMax) return;
        samples++;
        lines.push(`${name}${labels === undefined ? "" : labelText(labels)} ${numberText(value)}`);
      },
    };
  };
  return {
    family,
    one: (name, type, help, value) => family(name, type, help).add(value),
    text: (text) => void texts.push(text.endsWith("\n") ? text : `${text}\n`),
    get samples() {
      return samples;
    },
    render() {
      let out = "";
      for (const { head, lines } of families.values())
        if (lines.length > 0) out += `${head}${lines.join("\n")}\n`;
      return out + texts.join("");
    },
  };
}

function labelText(labels: FamilyLabels): string {
  let out = "";
  for (const name in labels) {
    const value = labels[name] as string;
    // A label without value is no label.
    if (value !== "") out += `${out === "" ? "{" : ","}${name}="${escaped(value)}"`;
  }
  return out === "" ? "" : `${out}}`;
}

function escaped(value: string): string {
  return /["\\\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

const INVALID_NAME = /[^a-zA-Z0-9_]/g;

/** A text as part of a metric name: what may not stand in one becomes `_`. */
export function metricName(text: string): string {
  return text.replace(INVALID_NAME, "_");
}
