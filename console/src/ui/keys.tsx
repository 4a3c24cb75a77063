// Keys that work on every page, and the list of them.
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Icon } from "./icons";
import { Dialog } from "./controls";

/** After `g`: where to go. */
export const GO: Record<string, { to: string; name: string }> = {
  o: { to: "/", name: "Overview" },
  i: { to: "/incidents", name: "Incidents" },
  a: { to: "/alerts", name: "Alerts" },
  m: { to: "/images", name: "Images" },
  w: { to: "/workloads", name: "Workloads" },
  n: { to: "/nodes", name: "Nodes" },
  c: { to: "/coverage", name: "Coverage" },
};

/** How long `g` waits for its second key. */
const WAIT_MS = 1200;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;

export function Keys() {
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    let pressed = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const destination = performance.now() - pressed < WAIT_MS ? GO[event.key] : undefined;
      pressed = event.key === "g" ? performance.now() : 0;
      if (destination) {
        event.preventDefault();
        void navigate({ to: destination.to });
      } else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("[data-search]")?.focus();
      } else if (event.key === "?") {
        setOpen(true);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate]);
  return (
    <>
      <button type="button" className="button quiet" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={() => setOpen(true)}>
        <Icon name="keys" />
      </button>
      <Dialog title="Keyboard" open={open} onClose={() => setOpen(false)}>
        <dl className="facts">
          <Key keys={["/"]} does="Search in the list" />
          <Key keys={["j", "k"]} does="Next and previous row, or the arrow keys" />
          <Key keys={["Enter"]} does="Open the row" />
          {Object.entries(GO).map(([key, { name }]) => (
            <Key key={key} keys={["g", key]} does={name} />
          ))}
          <Key keys={["?"]} does="This list" />
        </dl>
        <div className="buttons">
          <button type="button" className="button" onClick={() => setOpen(false)}>
            Close
          </button>
        </div>
      </Dialog>
    </>
  );
}

function Key({ keys, does }: { keys: string[]; does: string }) {
  return (
    <div style={{ display: "contents" }}>
      <dt>
        {keys.map((key) => (
          <span key={key}>
            <kbd>{key}</kbd>{" "}
          </span>
        ))}
      </dt>
      <dd>{does}</dd>
    </div>
  );
}
