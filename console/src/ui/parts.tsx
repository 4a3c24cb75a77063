// Small parts: words with a tone, times, messages, panels.
import { type ReactNode, useEffect, useId, useState } from "react";
import { ApiError } from "../api/client";
import type { CoverageState, IncidentStatus, Loss, Severity, SeverityCounts } from "../api/types";
import { ago, count, moment, words } from "../lib/format";
import { COVERAGE_TONES, countOf, SEVERITIES, severityTone, STATUS_TONES, type Tone } from "../lib/severity";
import { Icon } from "./icons";

export function Tag({ tone, plain, children }: { tone: Tone; plain?: boolean; children: ReactNode }) {
  return <span className={`tag tone-${tone}${plain ? " plain" : ""}`}>{children}</span>;
}

export const SeverityTag = ({ severity }: { severity: Severity }) => <Tag tone={severityTone(severity)}>{severity}</Tag>;

export const StatusTag = ({ status }: { status: IncidentStatus }) => (
  <Tag tone={STATUS_TONES[status]} plain>
    {words(status)}
  </Tag>
);

export const CoverageTag = ({ state }: { state: CoverageState }) => (
  <Tag tone={COVERAGE_TONES[state]}>{words(state)}</Tag>
);

/** Counts of the four severities that matter, each with its name for readers and as a title. */
export function Counts({ counts }: { counts: SeverityCounts }) {
  return (
    <span className="counts">
      {SEVERITIES.slice(0, 4).map((severity) => {
        const value = countOf(counts, severity);
        return (
          <span key={severity} className={value ? `tone-${severityTone(severity)}` : "none"} title={severity}>
            <abbr title={severity}>{severity.charAt(0)}</abbr> {count(value)}
          </span>
        );
      })}
    </span>
  );
}

/** What went missing, in words; `none` when nothing did. What rules filter out is no loss. */
export function LossText({ loss }: { loss: Loss | null | undefined }) {
  if (!loss) return <span className="muted">–</span>;
  const parts = (["lost", "dropped", "shed"] as const).filter((kind) => loss[kind] > 0);
  if (parts.length === 0) return <span className="muted">none</span>;
  return <Tag tone="high">{parts.map((kind) => `${count(loss[kind])} ${kind}`).join(", ")}</Tag>;
}

let now = Date.now();
const clocks = new Set<(now: number) => void>();
setInterval(() => {
  now = Date.now();
  for (const tick of clocks) tick(now);
}, 10_000);

/** A point in time: how long ago, the exact moment as its title. */
export function Time({ at, exact }: { at: string; exact?: boolean }) {
  const [present, setPresent] = useState(() => Math.max(now, Date.now()));
  useEffect(() => {
    clocks.add(setPresent);
    return () => void clocks.delete(setPresent);
  }, []);
  return (
    <time dateTime={at} title={at} className="nowrap">
      {exact ? `${moment(at)} (${ago(at, present)})` : ago(at, present)}
    </time>
  );
}

export function Panel(props: { title: ReactNode; note?: ReactNode; fills?: boolean; children: ReactNode; padded?: boolean }) {
  const id = useId();
  return (
    <section className={props.fills ? "panel fills" : "panel"} aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        {props.note === undefined ? null : <span className="spread">{props.note}</span>}
      </header>
      {props.padded === false ? props.children : <div className="body">{props.children}</div>}
    </section>
  );
}

/** Nothing to show, and what that does and does not mean. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="message">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export const Loading = ({ what }: { what: string }) => (
  <p className="loading" role="status">
    Loading {what}…
  </p>
);

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const title = error instanceof ApiError ? error.title : "Something went wrong";
  const status = error instanceof ApiError && error.status ? ` (${error.status})` : "";
  return (
    <div className="message" role="alert">
      <h2>
        {title}
        {status}
      </h2>
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {retry ? (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

/** Names and values; values that are missing are left out. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <dl className="facts">
      {shown.map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A text to copy, with its button. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="copy">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <button
        type="button"
        className="button"
        onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}
      >
        <Icon name="copy" />
        <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
      </button>
    </div>
  );
}

/** A value as the API gave it. */
export const Json = ({ value, label }: { value: unknown; label: string }) => (
  <pre className="code" tabIndex={0} role="region" aria-label={label}>
    {JSON.stringify(value, null, 2)}
  </pre>
);
