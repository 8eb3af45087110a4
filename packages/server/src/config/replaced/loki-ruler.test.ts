import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { alertmanagersAt } from "../loki-alertmanagers.ts";
import { lokiSchema } from "../loki-schema.ts";
import { rulerOf } from "./loki-ruler.ts";

const read = (text: string) =>
  rulerOf(parse(text), "/etc/loki/loki.yaml", (path, message) => {
    throw new Error(`${path.join(".")}: ${message}`);
  });

describe("what of a ruler counts", () => {
  const check = (text: string, want: object) =>
    test(text, () => {
      const { loki } = read(text).settings;
      expect(loki).toEqual(want);
      expect(lokiSchema.parse(loki)).toMatchObject(want);
    });
  check("ruler: {storage: {type: local, local: {directory: /loki/rules}}}", {
    ruleFiles: ["/loki/rules/*/*"],
  });
  check("ruler_storage: {backend: local, local: {directory: rules}}", {
    ruleFiles: ["/etc/loki/rules/*/*"],
  });
  check(
    "common: {storage: {filesystem: {rules_directory: /a}}}\nruler: {evaluation_interval: 1m30s}",
    {
      ruleFiles: ["/a/*/*"],
      evaluationIntervalSeconds: 90,
    },
  );
  check("ruler: {alertmanager_url: 'http://a:9093, https://u:p@b/am', enable_api: false}", {
    alertmanagers: ["http://a:9093", "https://u:p@b/am"],
    rulesApi: false,
  });
});

test("nothing", () => {
  for (const text of ["{}", "ruler: {}", "ruler: null", "a: 1"])
    expect(read(text)).toEqual({ settings: {}, notes: [] });
});

describe("what is wrong or has no meaning", () => {
  const refuse = (text: string, want: string) =>
    test(text, () => expect(() => read(text)).toThrow(want));
  refuse(
    "ruler: {evaluation_interval: soon}",
    'ruler.evaluation_interval: "soon" is not a duration',
  );
  refuse("ruler: {alertmanager_url: nowhere}", 'ruler.alertmanager_url: "nowhere" is not a URL');
  refuse("ruler_storage: {local: {directory: [a]}}", "is not the name of a directory");
  test("notes", () => {
    const text =
      "ruler: {storage: {type: s3}, remote_write: {enabled: true}, external_url: http://x}";
    expect(read(text).notes.map(({ path }) => path.join("."))).toEqual([
      "ruler.storage.type",
      "ruler.remote_write",
      "ruler.external_url",
    ]);
  });
});

test("Alertmanagers at addresses", () => {
  expect(alertmanagersAt([])).toEqual([]);
  expect(alertmanagersAt(["https://u:p%20q@b:1/am/"])).toMatchObject([
    { scheme: "https", path_prefix: "/am", basic_auth: { username: "u" } },
  ]);
});
