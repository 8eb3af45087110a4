/** Keys and values as a table of facts. Both are always text; only plain web and mail addresses become links. */
import type { Attribute } from "@triptych/contract";
import { type AttributeValue, useAttributeMenu } from "./attribute-menu.ts";
import { Icon } from "./icon.tsx";
import { safeHref } from "./safe-href.ts";
import { Value } from "./value.tsx";

export function AttributeList(props: {
  readonly scope: AttributeValue["scope"];
  readonly attributes: readonly Attribute[];
}) {
  const menu = useAttributeMenu();
  return (
    <dl className="kv">
      {props.attributes.map(([key, kind, value], i) => {
        const href = kind === "string" ? safeHref(value) : undefined;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a key may come twice
          <div key={i}>
            <dt title={`${key} (${kind})`}>
              {key.split(".").map((part, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: parts of one key
                <span key={at}>
                  {at > 0 && "."}
                  {at > 0 && <wbr />}
                  {part}
                </span>
              ))}
            </dt>
            <dd>
              <Value
                title={`${key} = ${value}`}
                className={value.includes("\n") ? "multi" : ""}
                items={() => menu({ scope: props.scope, key, value })}
              >
                {value === "" ? (
                  <span className="faint">{kind === "empty" ? "(none)" : '""'}</span>
                ) : (
                  value
                )}
              </Value>
              {href !== undefined && (
                <a
                  className="link out"
                  href={href}
                  target="_blank"
                  rel="noopener noreferrer"
                  aria-label={`Open ${href} in a new tab`}
                >
                  <Icon name="share" />
                </a>
              )}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
