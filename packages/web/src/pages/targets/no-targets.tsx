/** Nothing to scrape: how to name targets. */
import { useCopy } from "../../components/floats.tsx";
import { Icon } from "../../components/icon.tsx";

const lines = `# prometheus.yml
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["127.0.0.1:9100"]`;

export function NoTargets() {
  const copy = useCopy();
  return (
    <div className="pad teach">
      <section className="empty" aria-labelledby="no-targets-h">
        <h2 id="no-targets-h">Targets come from prometheus.yml</h2>
        <p className="muted">
          Start with <span className="mono">triptych up DIRECTORY</span>, where the directory holds
          this file. One of Prometheus loads unchanged.
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
