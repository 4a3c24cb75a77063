// Places: a scope in one line, nearest thing first.
import type { CausalRoot, Scope, Subject } from "../api/types";

/** What the scope is about, for a heading: the container, pod, workload, node or cluster. */
export function placeName(scope: Scope): string {
  return scope.container?.name || scope.pod?.name || scope.workload?.name || scope.node || scope.cluster;
}

/** Where that is: `namespace/pod on node`, without what {@link placeName} already says. */
export function placeContext(scope: Scope): string {
  const name = placeName(scope);
  const inside = [scope.namespace, scope.pod?.name].filter((part) => part && part !== name).join("/");
  const parts = [inside, scope.node && scope.node !== name ? scope.node : "", scope.cluster === name ? "" : scope.cluster];
  return parts.filter(Boolean).join(" · ");
}

/** What a coverage statement is about. */
export function subjectName(subject: Subject): string {
  switch (subject.type) {
    case "scope":
      return placeName(subject.scope);
    case "package_type":
      return `${subject.packages} ${subject.name} packages`;
    case "os":
    case "table":
      return subject.name;
    case "layer":
      return `layer ${subject.digest.replace(/^sha256:/, "").slice(0, 12)}`;
    case "control":
      return `control ${subject.id}`;
    case "rule":
      return `rule ${subject.name}`;
  }
}

/** Where a chain of alerts started. */
export function rootName(root: CausalRoot): string {
  if (root.type === "audit") return `API session of ${root.user}`;
  const place = root.node || root.cluster;
  // An alert about a machine itself has no process; pid 0 is nobody's.
  return root.key.pid === 0 ? place : `process ${root.key.pid} on ${place}`;
}
