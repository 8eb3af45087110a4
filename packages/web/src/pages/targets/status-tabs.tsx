/** The two sides of the status: Triptych itself, and what it scrapes. */
import { Tabs } from "../../components/tabs.tsx";
import { useGo } from "../../state/go.ts";
import { StatusPage } from "../status-page.tsx";

const addresses = { status: "/status", targets: "/targets" } as const;

export function StatusTabs(props: { readonly chosen: keyof typeof addresses }) {
  const go = useGo();
  return (
    <Tabs
      label="Status"
      chosen={props.chosen}
      choose={(id) => go(id === "targets" ? addresses.targets : addresses.status)}
      tabs={[
        { id: "status", name: "Triptych" },
        { id: "targets", name: "Targets" },
      ]}
    />
  );
}

export function StatusWithTabs() {
  return (
    <>
      <StatusTabs chosen="status" />
      <StatusPage />
    </>
  );
}
