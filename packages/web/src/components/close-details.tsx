/** The button that closes a drawer of details. */
import { Icon } from "./icon.tsx";

export function CloseDetails(props: { readonly close: () => void }) {
  return (
    <button
      type="button"
      className="btn ghost icon"
      aria-label="Close details"
      onClick={props.close}
    >
      <Icon name="close" />
    </button>
  );
}
