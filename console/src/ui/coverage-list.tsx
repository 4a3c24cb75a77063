// What was not seen, beside the verdict that it limits.
import type { Coverage } from "../api/types";
import { subjectName } from "../lib/place";
import { COVERAGE_STATES } from "../lib/severity";
import { CoverageTag } from "./parts";

/** Worst first; what is seen comes last. */
export const byState = (left: Coverage, right: Coverage): number =>
  COVERAGE_STATES.indexOf(left.state) - COVERAGE_STATES.indexOf(right.state);

export function CoverageList({ coverage }: { coverage: readonly Coverage[] }) {
  return (
    <ul className="list-lines">
      {[...coverage].sort(byState).map((entry) => (
        <li key={`${entry.signal} ${JSON.stringify(entry.subject)}`}>
          <div>
            <CoverageTag state={entry.state} /> <span className="strong">{entry.signal}</span>{" "}
            <span className="muted">{subjectName(entry.subject)}</span>
          </div>
          {entry.reason ? <div className="muted">{entry.reason}</div> : null}
        </li>
      ))}
    </ul>
  );
}
