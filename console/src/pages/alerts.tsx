// The alert queue.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import * as queries from "../api/queries";
import type { AlertSummary } from "../api/types";
import { useFilters } from "../lib/filters";
import { count, words } from "../lib/format";
import { placeContext, placeName } from "../lib/place";
import { STATUSES } from "../lib/severity";
import { Choice, Search, SeverityFilter } from "../ui/controls";
import { PageFrame } from "../ui/page";
import { Empty, SeverityTag, StatusTag, Time } from "../ui/parts";
import { type Column, DataTable, Two } from "../ui/table";

const COLUMNS: Column<AlertSummary>[] = [
  { name: "Severity", width: "w-s", cell: (row) => <SeverityTag severity={row.severity} /> },
  {
    name: "Alert",
    cell: (row) => (
      <Two
        first={
          <Link to="/alerts/$alertId" params={{ alertId: row.id }} title={row.title}>
            {row.title}
          </Link>
        }
        second={<span title={row.output}>{row.output || row.key}</span>}
      />
    ),
  },
  { name: "Where", width: "w-xl", cell: (row) => <Two first={placeName(row.scope)} second={placeContext(row.scope)} /> },
  { name: "Process", width: "w-m", cell: (row) => <span className="mono">{row.process}</span> },
  { name: "Count", width: "w-xs", right: true, cell: (row) => count(row.count) },
  { name: "Last seen", width: "w-s", cell: (row) => <Time at={row.last_seen} /> },
  { name: "Status", width: "w-s", cell: (row) => <StatusTag status={row.status} /> },
];

export function AlertsPage() {
  const { value, set } = useFilters();
  const result = useInfiniteQuery(
    queries.alerts({ q: value("q"), severity: value("severity"), status: value("status"), node: value("node"), key: value("key") }),
  );
  return (
    <PageFrame title="Alerts" fills>
      <div className="toolbar">
        <Search label="Search in alerts" value={value("q")} onChange={(text) => set("q", text)} />
        <SeverityFilter value={value("severity")} onChange={(levels) => set("severity", levels)} />
        <Choice
          label="Status"
          any="Any status"
          value={value("status")}
          options={STATUSES.map((status) => ({ value: status, name: words(status) }))}
          onChange={(status) => set("status", status)}
        />
        {value("node") ? (
          <button type="button" className="button" onClick={() => set("node", "")}>
            Node {value("node")} ✕
          </button>
        ) : null}
      </div>
      <div className="panel fills">
        <DataTable
          what="alerts"
          columns={COLUMNS}
          result={result}
          rowKey={(row) => row.id}
          empty={
            <Empty title="No alert">
              <p>
                No rule and no detector raised one that fits the filters. That says nothing about what is not seen: <Link to="/coverage">coverage</Link> lists it.
              </p>
            </Empty>
          }
        />
      </div>
    </PageFrame>
  );
}
