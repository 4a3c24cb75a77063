// Severities and states: order, and the tone in which each is shown. Every tone comes with a word, never alone.
import type { CoverageState, IncidentStatus, NodeState, Severity, SeverityCounts } from "../api/types";

export type Tone = "critical" | "high" | "medium" | "low" | "neutral" | "good" | "accent";

/** Worst first. */
export const SEVERITIES: readonly Severity[] = ["Critical", "High", "Medium", "Low", "Informational", "Unknown"];

const SEVERITY_TONES: Record<Severity, Tone> = {
  Critical: "critical",
  High: "high",
  Medium: "medium",
  Low: "low",
  Informational: "neutral",
  Unknown: "neutral",
};

export const severityTone = (severity: Severity): Tone => SEVERITY_TONES[severity];

/** The count of one severity. */
export const countOf = (counts: SeverityCounts, severity: Severity): number =>
  counts[severity.toLowerCase() as keyof SeverityCounts];

export const total = (counts: SeverityCounts): number =>
  SEVERITIES.reduce((sum, severity) => sum + countOf(counts, severity), 0);

/** The worst severity that occurs. */
export const worst = (counts: SeverityCounts): Severity | undefined =>
  SEVERITIES.find((severity) => countOf(counts, severity) > 0);

export const STATUSES: readonly IncidentStatus[] = ["new", "active", "resolved", "false_positive"];

export const STATUS_TONES: Record<IncidentStatus, Tone> = {
  new: "accent",
  active: "medium",
  resolved: "good",
  false_positive: "neutral",
};

export const COVERAGE_STATES: readonly CoverageState[] = ["unreachable", "stale", "unseen", "unsupported", "seen"];

export const COVERAGE_TONES: Record<CoverageState, Tone> = {
  seen: "good",
  unseen: "medium",
  stale: "medium",
  unsupported: "neutral",
  unreachable: "high",
};

export const NODE_TONES: Record<NodeState, Tone> = { active: "good", silent: "high", enrolled: "neutral" };
