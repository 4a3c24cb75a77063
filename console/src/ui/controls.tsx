// Filters, tabs and dialogs.
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import type { Severity } from "../api/types";
import { SEVERITIES } from "../lib/severity";

/** A search that asks when the typing pauses. `/` brings the cursor here (see `ui/keys`). */
export function Search({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), 250);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <input
      type="search"
      className="field"
      data-search
      placeholder={label}
      aria-label={label}
      value={text}
      onChange={(event) => setText(event.target.value)}
    />
  );
}

/** One of a few choices; the empty value means any. */
export function Choice(props: {
  label: string;
  any: string;
  value: string;
  options: readonly { value: string; name: string }[];
  onChange: (value: string) => void;
}) {
  return (
    <select className="field" aria-label={props.label} value={props.value} onChange={(event) => props.onChange(event.target.value)}>
      <option value="">{props.any}</option>
      {props.options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.name}
        </option>
      ))}
    </select>
  );
}

/** Several severities at once, as the API wants them: names with commas. */
export function SeverityFilter({ value, onChange, levels = SEVERITIES.slice(1, 5) }: {
  value: string;
  onChange: (value: string) => void;
  levels?: readonly Severity[];
}) {
  const chosen = new Set(value.split(",").filter(Boolean));
  const toggle = (severity: Severity) => {
    const next = new Set(chosen);
    if (!next.delete(severity)) next.add(severity);
    onChange(levels.filter((level) => next.has(level)).join(","));
  };
  return (
    <div className="toggle-group" role="group" aria-label="Severity">
      {levels.map((severity) => (
        <button key={severity} type="button" className="button" aria-pressed={chosen.has(severity)} onClick={() => toggle(severity)}>
          {severity}
        </button>
      ))}
    </div>
  );
}

export interface TabDef {
  id: string;
  name: string;
  count?: string | undefined;
  content: () => ReactNode;
}

/** Tabs as WAI-ARIA describes them: arrows move, the panel belongs to its tab. */
export function Tabs({ label, tabs, value, onChange }: { label: string; tabs: TabDef[]; value: string; onChange: (id: string) => void }) {
  const base = useId();
  const list = useRef<HTMLDivElement>(null);
  const current = tabs.find((tab) => tab.id === value) ?? tabs[0];
  const move = (step: number) => {
    const at = tabs.findIndex((tab) => tab.id === current?.id);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    onChange(next.id);
    list.current?.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <>
      <div
        className="tabs"
        role="tablist"
        aria-label={label}
        ref={list}
        onKeyDown={(event) => {
          if (event.key === "ArrowRight") move(1);
          if (event.key === "ArrowLeft") move(-1);
        }}
      >
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`${base}-${tab.id}`}
            data-tab={tab.id}
            aria-selected={tab.id === current?.id}
            aria-controls={`${base}-panel`}
            tabIndex={tab.id === current?.id ? 0 : -1}
            onClick={() => onChange(tab.id)}
          >
            {tab.name} {tab.count === undefined ? null : <span className="count">{tab.count}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${current?.id ?? ""}`} className="stack">
        {current?.content()}
      </div>
    </>
  );
}

/** A modal dialog: the browser keeps the focus inside and closes it on Escape. */
export function Dialog({ title, open, onClose, children }: { title: string; open: boolean; onClose: () => void; children: ReactNode }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (open) element.current?.showModal();
    else element.current?.close();
  }, [open]);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={onClose}>
      {open ? (
        <div className="body">
          <h1 id={id}>{title}</h1>
          {children}
        </div>
      ) : null}
    </dialog>
  );
}
