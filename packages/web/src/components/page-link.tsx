/** A link inside the interface. It takes the time range along unless it brings its own. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { changeParams, frameOf, type ParamsChange } from "../state/params.ts";
import { useParams } from "../state/url-state.ts";

export interface PageLinkProps {
  readonly to: string;
  readonly params?: ParamsChange;
  readonly children: ReactNode;
  readonly className?: string;
  readonly label?: string;
  readonly tip?: string;
  readonly current?: boolean;
  readonly onOpen?: () => void;
}

export function PageLink(props: PageLinkProps) {
  const search = changeParams(frameOf(useParams()), props.params ?? {});
  return (
    <Link
      to={props.to}
      search={search as never}
      {...(props.className && { className: props.className })}
      {...(props.label && { "aria-label": props.label })}
      {...(props.tip && { "data-tip": props.tip })}
      {...(props.onOpen && { onClick: props.onOpen })}
      aria-current={props.current ? "page" : undefined}
      activeOptions={{ exact: true, includeSearch: true }}
    >
      {props.children}
    </Link>
  );
}
