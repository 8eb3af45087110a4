/** Names as Prometheus' translation of OTLP makes them. */
import { describe, expect, test } from "vitest";
import { boundText, labelName, metricName, type NameKind, unitName } from "./metric-names.ts";

describe("metric", () => {
  const check = (name: string, unit: string, kind: NameKind, want: string) =>
    test(`${name} in '${unit}' as ${kind} is ${want}`, () =>
      expect(metricName(name, unit, kind)).toBe(want));
  check("system.io", "foo/bar", "other", "system_io_foo_per_bar");
  check("system.network.io", "By", "counter", "system_network_io_bytes_total");
  check("http.server.duration", "ms", "other", "http_server_duration_milliseconds");
  check("network_transmitted_bytes_total", "By", "counter", "network_transmitted_bytes_total");
  check("system.filesystem.usage", "By", "other", "system_filesystem_usage_bytes");
  check("hw.gpu.memory.utilization", "1", "gauge", "hw_gpu_memory_utilization_ratio");
  check("my.counter", "1", "counter", "my_counter_total");
  check("memcached.operation_hit_ratio", "%", "gauge", "memcached_operation_hit_ratio_percent");
  check("active.ratio", "1", "gauge", "active_ratio");
  check("queue", "{message}", "gauge", "queue");
  check("rate", "{packet}/s", "gauge", "rate_per_second");
  check("rate", "By/s", "gauge", "rate_bytes_per_second");
  check("a", "m/m", "gauge", "a_meters_per_minute");
  check("total.jobs", "", "counter", "jobs_total");
  check("2xx", "", "gauge", "_2xx");
  check("a__b..c", "", "gauge", "a_b_c");
  check("a:b", "", "gauge", "a:b");
  check("größe", "", "gauge", "gr_e");
  check("x", "°C", "gauge", "x_C");
  check("...", "", "gauge", "");
});

describe("unit", () => {
  const check = (unit: string, want: string) =>
    test(`'${unit}' is '${want}'`, () => expect(unitName(unit)).toBe(want));
  check("s", "seconds");
  check("By/s", "bytes_per_second");
  check("1", "");
  check("{x}", "");
  check("", "");
});

describe("label", () => {
  const check = (key: string, want: string) =>
    test(`${key} is ${want}`, () => expect(labelName(key)).toBe(want));
  check("http.method", "http_method");
  check("a..b", "a__b");
  check("1a", "key_1a");
  check("_a", "key_a");
  check("__a", "__a");
  check("ä𝄞b", "__b");
  check("", "");
  check("...", "");
});

describe("bound", () => {
  const check = (value: number, want: string) =>
    test(want, () => expect(boundText(value)).toBe(want));
  check(0.005, "0.005");
  check(1, "1");
  check(10, "10");
  check(-2.5, "-2.5");
  check(1e21, "1000000000000000000000");
  check(1.5e22, "15000000000000000000000");
  check(1e-7, "0.0000001");
  check(-1.25e-9, "-0.00000000125");
  check(Number.POSITIVE_INFINITY, "+Inf");
  check(Number.NEGATIVE_INFINITY, "-Inf");
  check(Number.NaN, "NaN");
});
