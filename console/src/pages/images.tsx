// Images that were assessed, and a form to assess another.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { post } from "../api/client";
import * as queries from "../api/queries";
import type { ImageSummary, Job } from "../api/types";
import { useFilters } from "../lib/filters";
import { bytes, count, imageName, shortDigest, words } from "../lib/format";
import type { Tone } from "../lib/severity";
import { Dialog, Search, SeverityFilter } from "../ui/controls";
import { Icon } from "../ui/icons";
import { PageFrame } from "../ui/page";
import { Counts, Empty, Failure, Panel, Tag, Time } from "../ui/parts";
import { type Column, DataTable, Two } from "../ui/table";

const COLUMNS: Column<ImageSummary>[] = [
  {
    name: "Image",
    cell: (row) => {
      const { name, from } = imageName(row.reference || shortDigest(row.manifest_digest));
      return (
        <Two
          first={
            <Link to="/images/$imageId" params={{ imageId: row.id }} title={row.reference}>
              {name}
            </Link>
          }
          second={[from, shortDigest(row.manifest_digest)].filter(Boolean).join(" · ")}
        />
      );
    },
  },
  { name: "System", width: "w-l", cell: (row) => <Two first={row.os || "none found"} second={row.platform} /> },
  { name: "Findings: critical to low", width: "w-l", cell: (row) => <Counts counts={row.findings} /> },
  { name: "Exploited", width: "w-s", cell: (row) => (row.known_exploited ? <Tag tone="critical">{count(row.known_exploited)} known</Tag> : <span className="muted">none known</span>) },
  { name: "Fixable", width: "w-xs", right: true, cell: (row) => count(row.fixable) },
  { name: "Packages", width: "w-s", right: true, cell: (row) => count(row.packages) },
  { name: "Coverage", width: "w-m", cell: (row) => (row.not_covered ? <Tag tone="medium">{count(row.not_covered)} not covered</Tag> : <Tag tone="good">complete</Tag>) },
  { name: "Running", width: "w-xs", right: true, cell: (row) => count(row.running) },
  { name: "Assessed", width: "w-s", cell: (row) => <Time at={row.assessed} /> },
];

export function ImagesPage() {
  const { value, set } = useFilters();
  const [asking, setAsking] = useState(false);
  const result = useInfiniteQuery(queries.images({ q: value("q"), severity: value("severity"), finding: value("finding") }));
  return (
    <PageFrame
      title="Images"
      fills
      actions={
        <button type="button" className="button primary" onClick={() => setAsking(true)}>
          <Icon name="plus" /> Assess an image
        </button>
      }
    >
      <div className="toolbar">
        <Search label="Search by reference or digest" value={value("q")} onChange={(text) => set("q", text)} />
        <input
          className="field"
          aria-label="With this finding"
          placeholder="CVE-…"
          defaultValue={value("finding")}
          onKeyDown={(event) => {
            if (event.key === "Enter") set("finding", event.currentTarget.value.trim());
          }}
          onBlur={(event) => set("finding", event.currentTarget.value.trim())}
        />
        <SeverityFilter value={value("severity")} onChange={(levels) => set("severity", levels)} levels={["Critical", "High", "Medium", "Low"]} />
      </div>
      <Jobs />
      <div className="panel fills">
        <DataTable
          what="images"
          columns={COLUMNS}
          result={result}
          rowKey={(row) => row.id}
          empty={
            <Empty title="No image">
              <p>None was assessed that fits the filters. An image is assessed when a container runs it, or when you ask for it.</p>
            </Empty>
          }
        />
      </div>
      <Ask open={asking} onClose={() => setAsking(false)} />
    </PageFrame>
  );
}

const JOB_TONES: Record<Job["state"], Tone> = { waiting: "neutral", running: "accent", done: "good", partial: "medium", failed: "high" };
/** Jobs that ended are shown this long. */
const SHOWN_MS = 10 * 60_000;

function Jobs() {
  const jobs = useQuery(queries.jobs);
  const recent = (jobs.data?.items ?? []).filter((job) => !job.ended || Date.now() - Date.parse(job.ended) < SHOWN_MS).slice(0, 4);
  if (recent.length === 0) return null;
  return (
    <Panel title="Assessments under way" padded={false}>
      <ul className="list-lines" aria-live="polite">
        {recent.map((job) => (
          <li key={job.id}>
            <Tag tone={JOB_TONES[job.state]}>{words(job.state)}</Tag> <span className="mono">{job.reference}</span>{" "}
            <span className="muted">
              {job.state === "running" && job.total_bytes > 0 ? `${bytes(job.read_bytes)} of ${bytes(job.total_bytes)} read` : null}
              {job.images.map((id) => (
                <Link key={id} to="/images/$imageId" params={{ imageId: id }}>
                  Open
                </Link>
              ))}
            </span>
            {job.error ? (
              <div>
                {job.error}
                {job.hint ? <span className="muted"> · {job.hint}</span> : null}
              </div>
            ) : null}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Ask({ open, onClose }: { open: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const [reference, setReference] = useState("");
  const ask = useMutation({
    mutationFn: () => post<Job>("/images", { reference: reference.trim() }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["job"] });
      setReference("");
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate();
  };
  return (
    <Dialog title="Assess an image" open={open} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>
          Reference
          <input className="field wide mono" required autoFocus value={reference} onChange={(event) => setReference(event.target.value)} placeholder="registry.example/app:1.2" />
        </label>
        <p className="muted">The hub pulls it, lists what is in it and compares that with its advisory feeds. What no feed covers is said so.</p>
        {ask.isError ? <Failure error={ask.error} /> : null}
        <div className="buttons">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={ask.isPending}>
            Assess
          </button>
        </div>
      </form>
    </Dialog>
  );
}
