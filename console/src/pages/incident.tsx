// One incident: its timeline, its alerts, and what people decided about it.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { patch } from "../api/client";
import * as queries from "../api/queries";
import type { AlertSummary, IncidentDetails, IncidentPatch, IncidentStatus } from "../api/types";
import { moment, plural, words } from "../lib/format";
import { placeContext, placeName, rootName } from "../lib/place";
import { severityTone, STATUSES } from "../lib/severity";
import { PageFrame } from "../ui/page";
import { Facts, Failure, Loading, Panel, SeverityTag, StatusTag, Time } from "../ui/parts";

const UP = { to: "/incidents", name: "Incidents" };

export function IncidentPage() {
  const { incidentId = "" } = useParams({ strict: false });
  const incident = useQuery(queries.incident(incidentId));
  if (!incident.data)
    return (
      <PageFrame title="Incident" up={UP}>
        {incident.isError ? <Failure error={incident.error} retry={() => void incident.refetch()} /> : <Loading what="the incident" />}
      </PageFrame>
    );
  const { data } = incident;
  return (
    <PageFrame
      title={data.title}
      up={UP}
      beside={
        <>
          <SeverityTag severity={data.severity} />
          <StatusTag status={data.status} />
        </>
      }
      sub={
        <>
          {placeName(data.scope)} · {placeContext(data.scope)} · {plural(data.alerts, "alert")} · last <Time at={data.last_seen} />
        </>
      }
    >
      <div className="columns">
        <div className="stack">
          <Timeline incident={data} />
          <Alerts incident={data} />
        </div>
        <div className="stack">
          <Decision key={data.id} incident={data} />
          <Panel title="About">
            <Facts
              rows={[
                ["Started from", rootName(data.root)],
                ["First seen", <Time key="f" at={data.first_seen} exact />],
                ["Last seen", <Time key="l" at={data.last_seen} exact />],
                ["Container", data.scope.container?.name],
                ["Image", data.scope.image?.reference],
                ["Pod", data.scope.pod?.name],
                ["Namespace", data.scope.namespace],
                [
                  "Node",
                  data.scope.node ? (
                    <Link to="/nodes/$cluster/$node" params={{ cluster: data.scope.cluster, node: data.scope.node }}>
                      {data.scope.node}
                    </Link>
                  ) : null,
                ],
                ["Cluster", data.scope.cluster],
              ]}
            />
          </Panel>
        </div>
      </div>
    </PageFrame>
  );
}

function Timeline({ incident }: { incident: IncidentDetails }) {
  return (
    <Panel title="Timeline" note="oldest first">
      <ol className="timeline">
        {incident.timeline.map((entry) => (
          <li key={`${entry.time} ${entry.text}`}>
            <time dateTime={entry.time}>{moment(entry.time)}</time>
            <span className={`rail-dot ${entry.by ? "tone-accent" : `tone-${severityTone(incident.severity)}`}`} aria-hidden="true" />
            <div className="what">
              {entry.alert ? (
                <Link to="/alerts/$alertId" params={{ alertId: entry.alert }}>
                  {entry.text}
                </Link>
              ) : (
                entry.text
              )}
              {entry.by ? <span className="muted"> · by {entry.by}</span> : null}
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Alerts({ incident }: { incident: IncidentDetails }) {
  const result = useInfiniteQuery(queries.alerts({ incident: incident.id }));
  const rows: AlertSummary[] = result.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title="Alerts" note={plural(incident.alerts, "alert")} padded={false}>
      {result.isPending ? <Loading what="alerts" /> : null}
      {result.isError ? <Failure error={result.error} retry={() => void result.refetch()} /> : null}
      <ul className="list-lines">
        {rows.map((alert) => (
          <li key={alert.id}>
            <div>
              <SeverityTag severity={alert.severity} />{" "}
              <Link to="/alerts/$alertId" params={{ alertId: alert.id }} className="strong">
                {alert.title}
              </Link>{" "}
              <span className="muted">
                ×{alert.count} · <Time at={alert.last_seen} />
              </span>
            </div>
            {alert.output ? <div className="muted mono">{alert.output}</div> : null}
          </li>
        ))}
      </ul>
      {result.hasNextPage ? (
        <p className="table-foot">
          <button type="button" className="button" disabled={result.isFetchingNextPage} onClick={() => void result.fetchNextPage()}>
            More alerts
          </button>
        </p>
      ) : null}
    </Panel>
  );
}

function Decision({ incident }: { incident: IncidentDetails }) {
  const client = useQueryClient();
  const [comment, setComment] = useState("");
  const [owner, setOwner] = useState(incident.owner ?? "");
  const change = useMutation({
    mutationFn: (body: IncidentPatch) => patch<IncidentDetails>(`/incidents/${encodeURIComponent(incident.id)}`, body),
    onSuccess: (data) => {
      client.setQueryData(queries.incident(incident.id).queryKey, data);
      setComment("");
      void client.invalidateQueries({ queryKey: ["incident", "list"] });
      void client.invalidateQueries({ queryKey: ["overview"] });
    },
  });
  const save = (event: FormEvent) => {
    event.preventDefault();
    const body: IncidentPatch = {};
    if (owner.trim() && owner.trim() !== (incident.owner ?? "")) body.owner = owner.trim();
    if (comment.trim()) body.comment = comment.trim();
    if (Object.keys(body).length > 0) change.mutate(body);
  };
  return (
    <Panel title="Decision">
      <form className="form" onSubmit={save}>
        <label>
          Status
          <select
            className="field wide"
            value={incident.status}
            disabled={change.isPending}
            onChange={(event) => change.mutate({ status: event.target.value as IncidentStatus })}
          >
            {STATUSES.map((status) => (
              <option key={status} value={status}>
                {words(status)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Owner
          <input className="field wide" value={owner} onChange={(event) => setOwner(event.target.value)} placeholder="Nobody yet" />
        </label>
        <label>
          Remark
          <textarea className="field wide" rows={3} value={comment} onChange={(event) => setComment(event.target.value)} placeholder="What was found, what was done" />
        </label>
        <div>
          <button type="submit" className="button primary" disabled={change.isPending}>
            Save to the timeline
          </button>
        </div>
      </form>
      <div aria-live="polite">{change.isError ? <Failure error={change.error} /> : null}</div>
    </Panel>
  );
}
