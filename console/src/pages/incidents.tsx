// Incidents: alerts that started from the same place.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import * as queries from "../api/queries";
import type { IncidentSummary } from "../api/types";
import { useFilters } from "../lib/filters";
import { count, words } from "../lib/format";
import { placeContext, placeName } from "../lib/place";
import { STATUSES } from "../lib/severity";
import { Choice, Search, SeverityFilter } from "../ui/controls";
import { PageFrame } from "../ui/page";
import { Empty, SeverityTag, StatusTag, Time } from "../ui/parts";
import { type Column, DataTable, Two } from "../ui/table";

const COLUMNS: Column<IncidentSummary>[] = [
  { name: "Severity", width: "w-s", cell: (row) => <SeverityTag severity={row.severity} /> },
  {
    name: "Incident",
    cell: (row) => (
      <Two
        first={
          <Link to="/incidents/$incidentId" params={{ incidentId: row.id }} title={row.title}>
            {row.title}
          </Link>
        }
        second={row.owner ? `Owner ${row.owner}` : "No owner"}
      />
    ),
  },
  { name: "Where", width: "w-xl", cell: (row) => <Two first={placeName(row.scope)} second={placeContext(row.scope)} /> },
  { name: "Alerts", width: "w-xs", right: true, cell: (row) => count(row.alerts) },
  { name: "First seen", width: "w-s", cell: (row) => <Time at={row.first_seen} /> },
  { name: "Last seen", width: "w-s", cell: (row) => <Time at={row.last_seen} /> },
  { name: "Status", width: "w-s", cell: (row) => <StatusTag status={row.status} /> },
];

export function IncidentsPage() {
  const { value, set } = useFilters();
  const result = useInfiniteQuery(
    queries.incidents({ q: value("q"), severity: value("severity"), status: value("status") }),
  );
  return (
    <PageFrame title="Incidents" fills>
      <div className="toolbar">
        <Search label="Search in incidents" value={value("q")} onChange={(text) => set("q", text)} />
        <SeverityFilter value={value("severity")} onChange={(levels) => set("severity", levels)} />
        <Choice
          label="Status"
          any="Any status"
          value={value("status")}
          options={[{ value: "new,active", name: "Open (new or active)" }, ...STATUSES.map((status) => ({ value: status, name: words(status) }))]}
          onChange={(status) => set("status", status)}
        />
      </div>
      <div className="panel fills">
        <DataTable
          what="incidents"
          columns={COLUMNS}
          result={result}
          rowKey={(row) => row.id}
          empty={
            <Empty title="No incident">
              <p>
                Alerts of one causal root become one incident here. No alert fits the filters; <Link to="/coverage">coverage</Link> says what could not have raised one.
              </p>
            </Empty>
          }
        />
      </div>
    </PageFrame>
  );
}
