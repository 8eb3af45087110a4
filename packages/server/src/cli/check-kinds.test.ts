/** What a file is, is told by its own keys, not by those further in. */
import { expect, test } from "vitest";
import { checkKinds } from "./check-kinds.ts";

const kindOf = (text: string): string | undefined =>
  checkKinds.find(({ recognises }) => recognises({ file: "a.yml", text }))?.name;

const REPLACED = "promtail, Tempo, Loki, Grafana's data sources";
const check = (text: string, wanted: string) => test(text, () => expect(kindOf(text)).toBe(wanted));

check("server:\n  http_listen_port: 3200\n\ndistributor:\n  receivers:\n    otlp:\n", REPLACED);
check("a:\n  groups:\n", "triptych.yaml");
check("groups:\n- name: g\n", "rules");
check('"groups" :\n- name: g\n', "rules");
check('{\n  "groups": []\n}', "rules");
check('{ "apiVersion": 1,\n  "datasources": [] }', REPLACED);
