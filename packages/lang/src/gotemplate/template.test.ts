import { describe, expect, test } from "vitest";
import { parseGoTemplate } from "./template.ts";
import { type GoFunction, type GoValue, goList, goMap, goStringMap, goStruct } from "./value.ts";

const boom: GoFunction = {
  params: ["string"],
  call: () => {
    throw new Error("boom");
  },
};
const functions = new Map<string, GoFunction>([
  ["boom", boom],
  ["upper", { params: ["string"], call: ([text]) => String(text).toUpperCase() }],
  ["whole", { params: ["int"], call: ([n = 0n]) => n }],
  [
    "again",
    {
      params: ["string", "any"],
      call: ([name, data = null], run) => run.execute(String(name), data),
    },
  ],
]);
const data = goStruct("main.data", {
  Name: "shop",
  Count: 3n,
  Ratio: 0.25,
  Empty: "",
  List: goList(["a", "b", "c"], "[]string"),
  Labels: goStringMap([
    ["job", "api"],
    ["code", "{{.Name}}"],
  ]),
  Any: goMap([["x", 1n]]),
});
const run = (
  text: string,
  missingKey: "default" | "zero" | "error" = "zero",
  value: GoValue = data,
): string => {
  try {
    return parseGoTemplate(text, { name: "t", functions }).execute(value, { missingKey });
  } catch (error) {
    return (error as Error).message;
  }
};
const check = (text: string, want: string) =>
  test(text.slice(0, 100), () => expect(run(text)).toBe(want));

describe("output", () => {
  check("plain", "plain");
  check("{{.Name}} {{.Count}} {{.Ratio}}", "shop 3 0.25");
  check("a {{- 1 -}} b", "a1b");
  check("a {{/* no */ -}} b", "a b");
  check("{{1}}{{-2}}{{1.5}}{{1e6}}{{0x10}}{{'a'}}{{1_000}}", "1-21.51e+06169710" + "00");
  check("{{if .Empty}}a{{else if eq .Count 3}}b{{else}}c{{end}}", "b");
  check("{{with .Empty}}a{{else with .Name}}{{.}}{{end}}", "shop");
  check("{{range $i, $x := .List}}{{$i}}{{$x}}{{end}}", "0a1b2c");
  check(
    '{{range .List}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{if eq . "c"}}{{break}}{{end}}{{end}}',
    "ac",
  );
  check(
    "{{range .Empty2}}x{{else}}none{{end}}",
    'template: t:1:8: executing "t" at <.Empty2>: can\'t evaluate field Empty2 in type main.data',
  );
  check("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "code={{.Name}};job=api;");
  check("{{range 3}}{{.}}{{end}}", "012");
  check("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2");
  check("{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}", "1");
  check('{{define "a"}}<{{.}}>{{end}}{{template "a" .Name}}', "<shop>");
  check('{{block "b" .Name}}[{{.}}]{{end}}', "[shop]");
  check('{{define "a"}}<{{.}}>{{end}}{{again "a" 1}}', "<1>");
  check("{{.Labels.job}}|{{.Labels.none}}|{{.Any.none}}", "api||<no value>");
  check('{{.Name | upper | printf "%s-%s" "xyz" | len}}', "8");
  check("{{(index .List 1) | upper}}", "B");
  check('{{and 1 0}}{{and 1 2}}{{or 0 ""}}{{or 0 5}}{{not 1}}', "025false");
  check('{{print 1 2 "a" "b" 3 4}}', "1 2ab3 4");
  check(
    '{{html "<a href=\'x\'>"}}{{js "\'<"}}{{urlquery "a b&c"}}',
    "&lt;a href=&#39;x&#39;&gt;\\'\\u003Ca+b%26c",
  );
  check("{{slice .Name 1 3}}{{slice .List 1}}", "ho[b c]");
  check(
    '{{eq 1 2 1}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt 1.5 1.0}}{{ge "b" "a"}}',
    "truetruetruetruetruetrue",
  );
  check("{{nil | print}}", 'template: t:1:2: executing "t" at <nil>: nil is not a command');
});

describe("printf", () => {
  const format = (call: string, want: string) => check(`{{printf ${call}}}`, want);
  format('"%5d|%-5d|%05d|%+d|%x|%b" 42 42 42 42 255 5', "   42|42   |00042|+42|ff|101");
  format(
    '"%6.2f|%e|%g|%.3g|%v" 3.14159 1234.5 0.00001 1234567.0 1e21',
    "  3.14|1.234500e+03|1e-05|1.23e+06|1e+21",
  );
  format('"%q %s %10s %-4s| %x" "a\\"b" "c" "d" "e" "hi"', '"a\\"b" c          d e   | 6869');
  format('"%d" "x"', "%!d(string=x)");
  format('"%s" 5', "%!s(int=5)");
  format('"%d"', "%!d(MISSING)");
  format('"x" 1 "a"', "x%!(EXTRA int=1, string=a)");
  format('"%[2]d %[1]d" 1 2', "2 1");
  format('"%*d" 5 1', "    1");
  format('"%t %v %c %U %%" true nil 97 97', "true <nil> a U+0061 %");
  format('"%"', "%!(NOVERB)");
  format('"%v %T" .List .Count', "[a b c] int");
});

describe("what cannot be parsed", () => {
  check("{{", "template: t:1: unclosed action");
  check("{{.Name", "template: t:1: unclosed action");
  check("\n{{if}}{{end}}", "template: t:2: missing value for if");
  check("{{if true}}", "template: t:1: unexpected EOF");
  check("{{end}}", "template: t:1: unexpected {{end}}");
  check("{{else}}", "template: t:1: unexpected {{else}}");
  check("{{break}}", "template: t:1: {{break}} outside {{range}}");
  check("{{nope 1}}", 'template: t:1: function "nope" not defined');
  check("{{$x}}", 'template: t:1: undefined variable "$x"');
  check('{{"abc}}', "template: t:1: unterminated quoted string");
  check("{{`abc}}", "template: t:1: unterminated raw quoted string");
  check("{{/* a }}", "template: t:1: unclosed comment");
  check("{{(1}}", "template: t:1: unclosed left paren");
  check("{{1)}}", "template: t:1: unexpected right paren");
  check("{{1 | 2}}", "template: t:1: non executable command in pipeline stage 2");
  check("{{$a, $b := 1}}", "template: t:1: too many declarations in command");
  check("{{template x}}", 'template: t:1: unexpected "x" in template clause');
  check('{{"x".Name}}', 'template: t:1: unexpected . after term "\\"x\\""');
  check("{{\u0001}}", "template: t:1: unrecognized character in action: U+0001");
  check("{{a!}}", "template: t:1: bad character U+0021 '!'");
  check("{{1a}}", 'template: t:1: bad number syntax: "1a"');
  check(
    '{{define "a"}}1{{end}}{{define "a"}}2{{end}}',
    'template: t:1: template: multiple definition of template "a"',
  );
  check(
    "{{constructor.constructor('return 1')()}}",
    'template: t:1: function "constructor" not defined',
  );
  check(`${"{{if true}}".repeat(5000)}`, "template: t:1: max expression depth exceeded");
  check(`{{${"(".repeat(5000)}1}}`, "template: t:1: max expression depth exceeded");
});

describe("what cannot be run", () => {
  const at = (place: string, context: string, message: string): string =>
    `template: t:${place}: executing "t" at <${context}>: ${message}`;
  check('{{boom "x"}}', at("1:2", 'boom "x"', "error calling boom: boom"));
  check("ä{{.Nope}}", at("1:4", ".Nope", "can't evaluate field Nope in type main.data"));
  check("{{.Name.Foo}}", at("1:7", ".Name.Foo", "can't evaluate field Foo in type string"));
  check("{{upper 1}}", at("1:8", "1", "expected string; found 1"));
  check('{{whole "x"}}', at("1:8", '"x"', 'expected integer; found "x"'));
  check(
    "{{upper .Count}}",
    at("1:8", ".Count", "wrong type for value; expected string; found int"),
  );
  check("{{upper}}", at("1:2", "upper", "wrong number of args for upper: want 1 got 0"));
  check("{{.Name 1}}", at("1:2", ".Name", "Name has arguments but cannot be invoked as function"));
  check(
    "{{gt .Ratio 1}}",
    at("1:2", "gt .Ratio 1", "error calling gt: incompatible types for comparison"),
  );
  check(
    "{{index .List 5}}",
    at("1:2", "index .List 5", "error calling index: index out of range: 5"),
  );
  check('{{template "z"}}', at("1:11", '{{template "z"}}', 'template "z" not defined'));
  check(
    "{{range .Count}}{{end}}{{range .Name}}{{end}}",
    at("1:31", ".Name", "range can't iterate over shop"),
  );
  check(
    "{{.__proto__}}",
    at("1:2", ".__proto__", "can't evaluate field __proto__ in type main.data"),
  );
  check("{{.Labels.constructor}}", "");
  test("missing keys", () => {
    expect(run("{{.Labels.x}}", "default")).toBe("<no value>");
    expect(run("{{.Labels.x}}", "error")).toBe(
      at("1:9", ".Labels.x", 'map has no entry for key "x"'),
    );
    expect(run("{{.Foo}}", "error", null)).toBe(
      at("1:2", ".Foo", 'nil data; no entry for key "Foo"'),
    );
  });
});

describe("bounds", () => {
  const bounded = (text: string, want: string) =>
    test(text.slice(0, 60), () => expect(run(text)).toContain(want));
  bounded("{{range 1000000000000}}{{end}}", "more than 100000 steps");
  bounded("{{range 1000000000000}}aaaaaaaaaaaaaaaaaaaa{{end}}", "larger than 65536 bytes");
  bounded(
    '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}',
    "exceeded maximum template depth (200)",
  );
  bounded(
    '{{$x := "aaaaaaaa"}}{{range 100}}{{$x = printf "%s%s" $x $x}}{{end}}',
    "more than 100000 steps",
  );
  bounded('{{printf "%999999999d" 1}}', "  1");
});
