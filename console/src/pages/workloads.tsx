// What runs, and what is known of the images that it runs.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import * as queries from "../api/queries";
import type { WorkloadRow } from "../api/types";
import { useFilters } from "../lib/filters";
import { imageName } from "../lib/format";
import { Search } from "../ui/controls";
import { PageFrame } from "../ui/page";
import { Empty, Tag, Time } from "../ui/parts";
import { type Column, DataTable, Two } from "../ui/table";

const COLUMNS: Column<WorkloadRow>[] = [
  { name: "Workload", cell: (row) => <Two first={<span className="strong">{row.name}</span>} second={`${row.kind}${row.container && row.container !== row.name ? ` · container ${row.container}` : ""}`} /> },
  { name: "Namespace", width: "w-m", cell: (row) => row.namespace || <span className="muted">–</span> },
  {
    name: "Image",
    width: "w-xl",
    cell: (row) => {
      const { name, from } = imageName(row.image);
      if (!row.image) return <span className="muted">not known</span>;
      return (
        <Two
          first={
            row.image_id ? (
              <Link to="/images/$imageId" params={{ imageId: row.image_id }} title={row.image}>
                {name}
              </Link>
            ) : (
              <span title={row.image}>{name}</span>
            )
          }
          second={from}
        />
      );
    },
  },
  { name: "Assessment", width: "w-m", cell: (row) => (row.image_id ? <Tag tone="good">assessed</Tag> : <Tag tone="medium">not assessed</Tag>) },
  { name: "Privileged", width: "w-s", cell: (row) => (row.privileged ? <Tag tone="high">yes</Tag> : <span className="muted">{row.privileged === false ? "no" : "not known"}</span>) },
  {
    name: "Node",
    width: "w-l",
    cell: (row) =>
      row.node ? (
        <Link to="/nodes/$cluster/$node" params={{ cluster: row.cluster, node: row.node }}>
          {row.node}
        </Link>
      ) : (
        <span className="muted">–</span>
      ),
  },
  { name: "First seen", width: "w-s", cell: (row) => <Time at={row.first_seen} /> },
  { name: "Last seen", width: "w-s", cell: (row) => <Time at={row.last_seen} /> },
];

export function WorkloadsPage() {
  const { value, set } = useFilters();
  const result = useInfiniteQuery(queries.workloads({ q: value("q"), namespace: value("namespace"), node: value("node") }));
  return (
    <PageFrame title="Workloads" fills>
      <div className="toolbar">
        <Search label="Search in workloads" value={value("q")} onChange={(text) => set("q", text)} />
      </div>
      <div className="panel fills">
        <DataTable
          what="workloads"
          columns={COLUMNS}
          result={result}
          rowKey={(row) => row.id}
          empty={
            <Empty title="No workload">
              <p>
                No sensor reported a container that fits the filters. Containers on machines without a sensor are not seen; <Link to="/nodes">nodes</Link> lists the machines that have one.
              </p>
            </Empty>
          }
        />
      </div>
    </PageFrame>
  );
}
