/** Navigation: at the left, on telephones at the bottom. */
import type { AlertsAnswer, Incident } from "@triptych/contract";
import { useAnswer } from "../api/answer.ts";
import { Icon } from "../components/icon.tsx";
import { PageLink } from "../components/page-link.tsx";
import { usePathname } from "../state/url-state.ts";
import { type PageEntry, pages, statusEntry } from "./pages.ts";

const everyMs = 15_000;

export function Rail() {
  const path = usePathname();
  const incidents = useAnswer<readonly Incident[]>("/incidents", {}, { everyMs });
  const open = incidents.data?.filter((incident) => incident.resolved_at === undefined).length ?? 0;
  const alerts = useAnswer<AlertsAnswer>("/alerts", { limit: "1" }, { everyMs });
  const counts: { readonly [to: string]: readonly [count: number, word: string] } = {
    "/incidents": [open, "open"],
    "/alerts": [alerts.data?.counts.firing ?? 0, "firing"],
  };
  const entry = (page: PageEntry) => {
    const [count, word] = counts[page.to] ?? [0, ""];
    return (
      <PageLink
        key={page.to}
        to={page.to}
        current={path === page.to || (page.to !== "/" && path.startsWith(`${page.to}/`))}
        label={count > 0 ? `${page.name}, ${count} ${word}` : page.name}
        tip={`${page.name}   g ${page.key}`}
      >
        <Icon name={page.icon} />
        {count > 0 && (
          <span className="n" aria-hidden="true">
            {count > 99 ? "99+" : count}
          </span>
        )}
      </PageLink>
    );
  };
  return (
    <nav className="rail" aria-label="Pages">
      <PageLink to="/" className="logo" label="Triptych">
        <svg
          width="22"
          height="18"
          viewBox="0 0 22 18"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.5"
          aria-hidden="true"
        >
          <path d="M7 1h8v16H7zM7 1 1 3.500v11L7 17M15 1l6 2.500v11L15 17" strokeLinejoin="round" />
        </svg>
      </PageLink>
      {pages.filter(({ hidden }) => !hidden).map(entry)}
      <span className="sp" />
      {entry(statusEntry)}
    </nav>
  );
}
