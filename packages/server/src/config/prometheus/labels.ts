/** Labels in the file: names and values that must be UTF-8. */
import { isLabelName, isLabelValue } from "@triptych/lang";
import { type Kind, map, text } from "./kinds.ts";
import { quoted } from "./scalars.ts";

export const labelMap: Kind<ReadonlyMap<string, string>> = {
  initial: () => new Map(),
  read(reader, node) {
    const labels = map(text()).read(reader, node);
    for (const [name, value] of labels) {
      if (!isLabelName(name, "utf8"))
        return reader.fail(node, `${quoted(name)} is not a valid label name`);
      if (!isLabelValue(value))
        return reader.fail(node, `${quoted(value)} is not a valid label value`);
    }
    return labels;
  },
};
