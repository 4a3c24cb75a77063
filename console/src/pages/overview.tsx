// The first page: what needs a person, what is at risk, and what is not seen.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import * as queries from "../api/queries";
import type { Overview, SeverityCounts } from "../api/types";
import { count, plural } from "../lib/format";
import { placeContext, placeName } from "../lib/place";
import { countOf, SEVERITIES, severityTone, total, type Tone, worst } from "../lib/severity";
import { PageFrame } from "../ui/page";
import { CoverageTag, Empty, Failure, Loading, Panel, SeverityTag, StatusTag, Time } from "../ui/parts";

export function OverviewPage() {
  const overview = useQuery(queries.overview(undefined));
  return (
    <PageFrame title="Overview">
      {overview.isPending ? <Loading what="the overview" /> : null}
      {overview.isError ? <Failure error={overview.error} retry={() => void overview.refetch()} /> : null}
      {overview.data ? <Content data={overview.data} /> : null}
    </PageFrame>
  );
}

function Content({ data }: { data: Overview }) {
  const incidents = total(data.open_incidents);
  const level = worst(data.open_incidents);
  return (
    <>
      {data.refuses_writes ? (
        <p className="notice tone-critical" role="alert">
          The hub cannot store anything: {data.refuses_writes}. What sensors send waits on their disks. Make room where the hub keeps its state; it goes on by itself.
        </p>
      ) : null}
      <div className="tiles">
        <Tile to="/incidents" name="Open incidents" value={incidents} tone={level ? severityTone(level) : "good"} note={split(data.open_incidents)} />
        <Tile to="/alerts" name="Alerts, last 24 hours" value={total(data.alerts_last_day)} tone={tone(data.alerts_last_day)} note={`${count(data.alerts)} in all`} />
        <Tile
          to="/images"
          name="Images at risk"
          value={data.images_at_risk}
          // No green zero: what is not covered may be at risk.
          tone={data.images_at_risk ? "high" : data.images_not_covered ? "medium" : data.images ? "good" : "neutral"}
          note={`of ${plural(data.images, "image")}${data.images_not_covered ? ` · ${count(data.images_not_covered)} not fully covered` : ""}`}
        />
        <Tile to="/workloads" name="Workloads" value={data.workloads} tone="neutral" note="seen running" />
        <Tile
          to="/nodes"
          name="Nodes"
          value={data.nodes}
          tone={data.nodes_silent ? "high" : data.nodes ? "good" : "medium"}
          note={data.nodes_silent ? `${count(data.nodes_silent)} silent` : data.nodes ? "all heard" : "nothing is watched yet"}
        />
        <Tile
          to="/coverage"
          name="Not seen"
          value={data.not_seen}
          tone={data.not_seen ? "medium" : "good"}
          note={data.gaps ? plural(data.gaps, "gap in the records", "gaps in the records") : "no gap in the records"}
        />
      </div>
      <div className="columns">
        <LatestIncidents />
        <div className="stack">
          <Panel title="Alerts by severity" note="last 24 hours">
            <Bars counts={data.alerts_last_day} />
          </Panel>
          <NotSeen />
        </div>
      </div>
    </>
  );
}

const tone = (counts: SeverityCounts): Tone => {
  const level = worst(counts);
  return level ? severityTone(level) : "good";
};

function split(counts: SeverityCounts): string {
  const parts = SEVERITIES.filter((severity) => countOf(counts, severity) > 0);
  return parts.map((severity) => `${count(countOf(counts, severity))} ${severity.toLowerCase()}`).join(", ") || "nothing is open";
}

function Tile(props: { to: string; name: string; value: number; tone: Tone; note: ReactNode }) {
  return (
    <Link to={props.to} className={`tile tone-${props.tone}`}>
      <span className="name">{props.name}</span>
      <span className="value">{count(props.value)}</span>
      <span className="note">{props.note}</span>
    </Link>
  );
}

function Bars({ counts }: { counts: SeverityCounts }) {
  const most = Math.max(1, ...SEVERITIES.map((severity) => countOf(counts, severity)));
  return (
    <div className="bars">
      {SEVERITIES.slice(1, 5).map((severity) => (
        <div key={severity} className={`tone-${severityTone(severity)}`} style={{ display: "contents" }}>
          <SeverityTag severity={severity} />
          <meter min={0} max={most} value={countOf(counts, severity)} aria-label={`${severity} alerts`} />
          <span className="right strong">{count(countOf(counts, severity))}</span>
        </div>
      ))}
    </div>
  );
}

function LatestIncidents() {
  const result = useInfiniteQuery(queries.incidents({ status: "new,active" }));
  const rows = result.data?.pages[0]?.items.slice(0, 10) ?? [];
  return (
    <Panel title="Open incidents" note={<Link to="/incidents">All incidents</Link>} padded={false}>
      {result.isPending ? <Loading what="incidents" /> : null}
      {result.isError ? <Failure error={result.error} retry={() => void result.refetch()} /> : null}
      {result.data && rows.length === 0 ? (
        <Empty title="No incident is open">
          <p>
            Nothing that the rules look for was seen on what is watched. What is not watched stands under <Link to="/coverage">Coverage</Link>.
          </p>
        </Empty>
      ) : null}
      <ul className="list-lines">
        {rows.map((incident) => (
          <li key={incident.id}>
            <div>
              <SeverityTag severity={incident.severity} />{" "}
              <Link to="/incidents/$incidentId" params={{ incidentId: incident.id }} className="strong">
                {incident.title}
              </Link>{" "}
              <StatusTag status={incident.status} />
            </div>
            <div className="muted">
              {placeName(incident.scope)} · {placeContext(incident.scope)} · {plural(incident.alerts, "alert")} · last <Time at={incident.last_seen} />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function NotSeen() {
  const result = useInfiniteQuery(queries.coverage({}));
  const rows = result.data?.pages[0]?.items.filter((row) => row.state !== "seen").slice(0, 8) ?? [];
  return (
    <Panel title="What is not seen" note={<Link to="/coverage">All</Link>} padded={false}>
      {result.isPending ? <Loading what="coverage" /> : null}
      {result.isError ? <Failure error={result.error} retry={() => void result.refetch()} /> : null}
      {result.data && rows.length === 0 ? (
        <Empty title={result.data.pages[0]?.items.length ? "Everything that is watched is seen" : "Nothing is watched yet"}>
          <p>A machine says what it sees after it has joined.</p>
        </Empty>
      ) : null}
      <ul className="list-lines">
        {rows.map((row) => (
          <li key={`${row.cluster} ${row.node} ${row.signal} ${JSON.stringify(row.subject)}`}>
            <CoverageTag state={row.state} /> <span className="strong">{row.signal}</span> <span className="muted">{row.node}</span>
            {row.reason ? <div className="muted">{row.reason}</div> : null}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
