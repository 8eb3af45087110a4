/** What is wrong with the labels of a scraped series, in Prometheus' words: names, and the limits of its job. */
import { isLabelName, type NameScheme } from "@triptych/lang";

export interface LabelRules {
  readonly nameScheme: NameScheme;
  /** 0 sets no bound, for all of these. */
  readonly labelLimit: number;
  readonly labelNameBytesMax: number;
  readonly labelValueBytesMax: number;
}

const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const QUOTE_CHARS_MAX = 50;
const LABEL_TEXT_MAX = 500;

/** "" when nothing is. */
export function labelProblem(labels: ReadonlyMap<string, string>, rules: LabelRules): string {
  const metric = labels.get("__name__");
  if (metric === undefined) return "missing metric name (__name__ label)";
  if (labels.has("")) return `invalid metric name or label names: ${labelText(labels)}`;
  if (rules.nameScheme === "legacy")
    for (const name of labels.keys())
      if (!isLabelName(name, "legacy") || (name === "__name__" && !LEGACY_METRIC.test(metric)))
        return `invalid metric name or label names: ${labelText(labels)}`;
  const shown = metric.slice(0, QUOTE_CHARS_MAX);
  const { labelLimit, labelNameBytesMax, labelValueBytesMax } = rules;
  if (labelLimit > 0 && labels.size > labelLimit)
    return `label_limit exceeded (metric: ${shown}, number of labels: ${labels.size}, limit: ${labelLimit})`;
  if (labelNameBytesMax + labelValueBytesMax === 0) return "";
  for (const [name, value] of labels) {
    const nameBytes = Buffer.byteLength(name);
    const cut = name.slice(0, QUOTE_CHARS_MAX);
    if (labelNameBytesMax > 0 && nameBytes > labelNameBytesMax)
      return `label_name_length_limit exceeded (metric: ${shown}, label name: ${cut}, length: ${nameBytes}, limit: ${labelNameBytesMax})`;
    const valueBytes = Buffer.byteLength(value);
    if (labelValueBytesMax > 0 && valueBytes > labelValueBytesMax)
      return `label_value_length_limit exceeded (metric: ${shown}, label name: ${cut}, value: ${JSON.stringify(value.slice(0, QUOTE_CHARS_MAX))}, length: ${valueBytes}, limit: ${labelValueBytesMax})`;
  }
  return "";
}

/** As Prometheus prints a series, cut. */
function labelText(labels: ReadonlyMap<string, string>): string {
  const shown = [...labels]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      const isPlain = isLabelName(name, "legacy");
      return `${isPlain ? name : JSON.stringify(name)}=${JSON.stringify(value)}`;
    });
  return `{${shown.join(", ")}}`.slice(0, LABEL_TEXT_MAX);
}
