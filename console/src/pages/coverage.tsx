// What is and is not seen, everywhere.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import * as queries from "../api/queries";
import type { CoverageRow, CoverageState } from "../api/types";
import { useFilters } from "../lib/filters";
import { words } from "../lib/format";
import { subjectName } from "../lib/place";
import { COVERAGE_STATES } from "../lib/severity";
import { Choice } from "../ui/controls";
import { PageFrame } from "../ui/page";
import { CoverageTag, Empty, LossText, Time } from "../ui/parts";
import { type Column, DataTable, Two } from "../ui/table";

const MEANING: Record<CoverageState, string> = {
  seen: "it is seen",
  unseen: "it is not seen here and now",
  stale: "it was seen, too long ago",
  unsupported: "Seawall cannot see it",
  unreachable: "its source does not answer",
};

const COLUMNS: Column<CoverageRow>[] = [
  { name: "State", width: "w-m", cell: (row) => <CoverageTag state={row.state} /> },
  { name: "Signal", width: "w-l", cell: (row) => <Two first={<span className="strong">{row.signal}</span>} second={subjectName(row.subject)} /> },
  {
    name: "Node",
    width: "w-l",
    cell: (row) =>
      row.node ? (
        <Two
          first={
            <Link to="/nodes/$cluster/$node" params={{ cluster: row.cluster, node: row.node }}>
              {row.node}
            </Link>
          }
          second={row.cluster}
        />
      ) : (
        row.cluster
      ),
  },
  { name: "Why", cell: (row) => <div className="wrap">{row.reason || <span className="muted">{MEANING[row.state]}</span>}</div> },
  { name: "Seen by", width: "w-xl", cell: (row) => <span className="mono wrap">{row.provider ?? ""}</span> },
  { name: "Missing", width: "w-m", cell: (row) => <LossText loss={row.lost} /> },
  { name: "Said", width: "w-s", cell: (row) => <Time at={row.updated} /> },
];

export function CoveragePage() {
  const { value, set } = useFilters();
  const result = useInfiniteQuery(queries.coverage({ state: value("state"), signal: value("signal"), node: value("node") }));
  return (
    <PageFrame title="Coverage" sub="Silence is not health: a verdict counts only where something is seen." fills>
      <div className="toolbar">
        <Choice
          label="State"
          any="Any state"
          value={value("state")}
          options={COVERAGE_STATES.map((state) => ({ value: state, name: `${words(state)}: ${MEANING[state]}` }))}
          onChange={(state) => set("state", state)}
        />
        <input
          className="field"
          data-search
          aria-label="Signal"
          placeholder="Signal, such as file_open"
          defaultValue={value("signal")}
          onKeyDown={(event) => {
            if (event.key === "Enter") set("signal", event.currentTarget.value.trim());
          }}
          onBlur={(event) => set("signal", event.currentTarget.value.trim())}
        />
      </div>
      <div className="panel fills">
        <DataTable
          what="statements"
          columns={COLUMNS}
          result={result}
          rowKey={(row) => `${row.cluster} ${row.node} ${row.signal} ${JSON.stringify(row.subject)}`}
          empty={
            <Empty title="Nothing is said about coverage">
              <p>
                Sensors say what they see when they start and when it changes. With no statement that fits the filters, count on nothing being seen. <Link to="/nodes">Nodes</Link> lists who sends.
              </p>
            </Empty>
          }
        />
      </div>
    </PageFrame>
  );
}
