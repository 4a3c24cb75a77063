// Machines that send, what they see, what went missing; and how to add one.
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { post } from "../api/client";
import * as queries from "../api/queries";
import type { Loss, NewEnrolmentToken, NodeRow } from "../api/types";
import { useFilters } from "../lib/filters";
import { count, words } from "../lib/format";
import { NODE_TONES } from "../lib/severity";
import { Choice, Dialog, Search } from "../ui/controls";
import { Icon } from "../ui/icons";
import { PageFrame } from "../ui/page";
import { Copyable, Empty, Failure, LossText, Tag, Time } from "../ui/parts";
import { type Column, DataTable, Two } from "../ui/table";

/** All counters of a node added up. */
export function sum(losses: Record<string, Loss>): Loss {
  const all: Loss = { lost: 0, dropped: 0, filtered: 0, shed: 0 };
  for (const loss of Object.values(losses)) {
    for (const kind of ["lost", "dropped", "filtered", "shed"] as const) all[kind] += loss[kind];
  }
  return all;
}

const COLUMNS: Column<NodeRow>[] = [
  { name: "State", width: "w-s", cell: (row) => <Tag tone={NODE_TONES[row.state]}>{words(row.state)}</Tag> },
  {
    name: "Node",
    cell: (row) => (
      <Two
        first={
          <Link to="/nodes/$cluster/$node" params={{ cluster: row.cluster, node: row.node }}>
            {row.node || `programs of ${row.cluster}`}
          </Link>
        }
        second={`${row.cluster} · ${row.program} ${row.version}`}
      />
    ),
  },
  { name: "System", width: "w-xl", cell: (row) => (row.facts ? <Two first={row.facts.os} second={[row.facts.kernel, row.facts.container_runtime].filter(Boolean).join(" · ")} /> : <span className="muted">not said yet</span>) },
  { name: "Signals seen", width: "w-m", cell: (row) => <Seen coverage={row.coverage} /> },
  { name: "Missing events", width: "w-l", cell: (row) => <LossText loss={sum(row.losses)} /> },
  { name: "Gaps", width: "w-xs", right: true, cell: (row) => (row.gaps ? <Tag tone="high">{count(row.gaps)}</Tag> : "0") },
  { name: "Containers", width: "w-s", right: true, cell: (row) => count(row.containers) },
  { name: "Last heard", width: "w-s", cell: (row) => <Time at={row.last_seen} /> },
];

function Seen({ coverage }: { coverage: Record<string, number> }) {
  const all = Object.values(coverage).reduce((one, two) => one + two, 0);
  if (all === 0) return <span className="muted">not said yet</span>;
  const seen = coverage["seen"] ?? 0;
  return <Tag tone={seen === all ? "good" : "medium"}>{`${seen} of ${all}`}</Tag>;
}

export function NodesPage() {
  const { value, set } = useFilters();
  const [adding, setAdding] = useState(false);
  const result = useInfiniteQuery(queries.nodes({ q: value("q"), state: value("state") }));
  return (
    <PageFrame
      title="Nodes"
      fills
      actions={
        <button type="button" className="button primary" onClick={() => setAdding(true)}>
          <Icon name="plus" /> Add a machine
        </button>
      }
    >
      <div className="toolbar">
        <Search label="Search in nodes" value={value("q")} onChange={(text) => set("q", text)} />
        <Choice
          label="State"
          any="Any state"
          value={value("state")}
          options={["active", "silent", "enrolled"].map((state) => ({ value: state, name: words(state) }))}
          onChange={(state) => set("state", state)}
        />
      </div>
      <div className="panel fills">
        <DataTable
          what="nodes"
          columns={COLUMNS}
          result={result}
          rowKey={(row) => `${row.cluster}/${row.node}`}
          empty={
            <Empty title="No node">
              <p>No machine sends to this hub, so nothing is watched. Add one: it joins with a one-time string and says what it sees within seconds.</p>
            </Empty>
          }
        />
      </div>
      <AddMachine open={adding} onClose={() => setAdding(false)} />
    </PageFrame>
  );
}

function AddMachine({ open, onClose }: { open: boolean; onClose: () => void }) {
  const make = useMutation({ mutationFn: () => post<NewEnrolmentToken>("/enrolment-tokens", {}) });
  const close = () => {
    // The string is a secret: it does not wait on a closed dialog.
    make.reset();
    onClose();
  };
  return (
    <Dialog title="Add a machine" open={open} onClose={close}>
      <p>
        A join string holds the hub's address, the fingerprint of its certificate authority and a token that works once. Whoever has it can join one machine.
      </p>
      {make.data ? (
        <>
          <Copyable text={make.data.join} label="Join string" />
          <p className="muted">
            It is shown only now and ends <Time at={make.data.expires} exact />. On the machine, give it to the sensor as its join string.
          </p>
        </>
      ) : null}
      {make.isError ? <Failure error={make.error} /> : null}
      <div className="buttons">
        <button type="button" className="button" onClick={close}>
          Close
        </button>
        {make.data ? null : (
          <button type="button" className="button primary" disabled={make.isPending} onClick={() => make.mutate()}>
            Make a join string
          </button>
        )}
      </div>
    </Dialog>
  );
}
