/** Without any rule: how to have one, with the lines to paste. */
import { useCopy } from "../../components/floats.tsx";
import { Icon } from "../../components/icon.tsx";

const lines = `# prometheus.yml
rule_files: [rules.yml]

# rules.yml
groups:
  - name: services
    rules:
      - alert: ServiceFails
        expr: |
          sum by (service) (rate(traces_spanmetrics_calls_total{status_code="STATUS_CODE_ERROR"}[5m]))
            / sum by (service) (rate(traces_spanmetrics_calls_total[5m])) > 0.05
        for: 5m
        labels: { severity: critical }
        annotations:
          summary: "{{ $labels.service }}: {{ $value | humanizePercentage }} of requests fail"
          runbook_url: https://example.org/runbooks/service-fails`;

export function NoRules() {
  const copy = useCopy();
  return (
    <div className="pad teach">
      <section className="empty" aria-labelledby="no-rules-h">
        <h2 id="no-rules-h">Rules come from the files that prometheus.yml names</h2>
        <p className="muted">
          Start with <span className="mono">triptych up DIRECTORY</span>, where the directory holds
          these two files. Rule files of Prometheus load unchanged.
        </p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways */}
        <pre className="code" tabIndex={0} role="region" aria-label="Lines to paste">
          {lines}
        </pre>
        <button type="button" className="btn primary" onClick={() => copy(lines, "the lines")}>
          <Icon name="copy" />
          Copy
        </button>
      </section>
    </div>
  );
}
