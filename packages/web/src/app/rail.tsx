/** Navigation: at the left, on telephones at the bottom. */
import type { Incident } from "@triptych/contract";
import { useAnswer } from "../api/answer.ts";
import { Icon } from "../components/icon.tsx";
import { PageLink } from "../components/page-link.tsx";
import { usePathname } from "../state/url-state.ts";
import { type PageEntry, pages, statusEntry } from "./pages.ts";

const incidentsEveryMs = 15_000;

export function Rail() {
  const path = usePathname();
  const incidents = useAnswer<readonly Incident[]>("/incidents", {}, { everyMs: incidentsEveryMs });
  const open = incidents.data?.filter((incident) => incident.resolved_at === undefined).length ?? 0;
  const entry = (page: PageEntry, count: number) => (
    <PageLink
      key={page.to}
      to={page.to}
      current={path === page.to || path.startsWith(`${page.to}/`)}
      label={count > 0 ? `${page.name}, ${count} open` : page.name}
      tip={`${page.name}   g ${page.key}`}
    >
      <Icon name={page.icon} />
      {count > 0 && (
        <span className="n" aria-hidden="true">
          {count}
        </span>
      )}
    </PageLink>
  );
  return (
    <nav className="rail" aria-label="Pages">
      <PageLink to="/traces" className="logo" label="Triptych">
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
      {pages.map((page) => entry(page, page.to === "/incidents" ? open : 0))}
      <span className="sp" />
      {entry(statusEntry, 0)}
    </nav>
  );
}
