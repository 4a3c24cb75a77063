// One alert: what happened, who did it, the proof, what it means and what to do.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import * as queries from "../api/queries";
import type { Alert, Entity, Event } from "../api/types";
import { useFilters } from "../lib/filters";
import { describe, kindOf } from "../lib/event";
import { clock, plural, shortDigest } from "../lib/format";
import { placeContext, placeName, rootName } from "../lib/place";
import { severityTone } from "../lib/severity";
import { Tabs } from "../ui/controls";
import { CoverageList } from "../ui/coverage-list";
import { PageFrame } from "../ui/page";
import { Facts, Failure, Json, Loading, Panel, SeverityTag, Tag, Time } from "../ui/parts";
import { ProcessTree } from "../ui/process-tree";

const UP = { to: "/alerts", name: "Alerts" };

export function AlertPage() {
  const { alertId = "" } = useParams({ strict: false });
  const record = useQuery(queries.alert(alertId));
  if (record.isPending)
    return (
      <PageFrame title="Alert" up={UP}>
        <Loading what="the alert" />
      </PageFrame>
    );
  if (record.isError)
    return (
      <PageFrame title="Alert" up={UP}>
        <Failure error={record.error} retry={() => void record.refetch()} />
      </PageFrame>
    );
  const { alert, incident } = record.data;
  return (
    <PageFrame
      title={alert.title}
      up={UP}
      beside={<SeverityTag severity={alert.severity} />}
      sub={
        <>
          {placeName(alert.scope)} · {placeContext(alert.scope)} · last <Time at={alert.last_seen} />
        </>
      }
      actions={
        <Link to="/incidents/$incidentId" params={{ incidentId: incident }} className="button">
          Open its incident
        </Link>
      }
    >
      {alert.output ? <p className={`notice mono tone-${severityTone(alert.severity)}`}>{alert.output}</p> : null}
      <div className="columns">
        <Story alert={alert} />
        <div className="stack">
          <About alert={alert} />
          <Meaning alertKey={alert.key} detector={!alert.rule} />
        </div>
      </div>
    </PageFrame>
  );
}

function Story({ alert }: { alert: Alert }) {
  const { value, set } = useFilters();
  return (
    <div className="stack">
      <Tabs
        label="Parts of the alert"
        value={value("tab") || "story"}
        onChange={(tab) => set("tab", tab)}
        tabs={[
          {
            id: "story",
            name: "Process and evidence",
            content: () => (
              <>
                <Panel title="Process tree" note="root first; the process that acted is marked">
                  <ProcessTree tree={alert.process_tree} process={alert.process} tone={severityTone(alert.severity)} />
                </Panel>
                <Evidence events={alert.evidence} />
              </>
            ),
          },
          {
            id: "coverage",
            name: "What was not seen",
            count: String(alert.coverage.filter((entry) => entry.state !== "seen").length),
            content: () => (
              <Panel title="Coverage where the alert was raised" padded={false}>
                {alert.coverage.length ? (
                  <CoverageList coverage={alert.coverage} />
                ) : (
                  <p className="loading">The sender named nothing that it could not see. The node's own coverage stands on its page.</p>
                )}
              </Panel>
            ),
          },
          { id: "json", name: "JSON", content: () => <Json value={alert} label="The alert as JSON" /> },
        ]}
      />
    </div>
  );
}

function Evidence({ events }: { events: readonly Event[] }) {
  return (
    <Panel title="Evidence" note={plural(events.length, "event")} padded={false}>
      {events.length === 0 ? <p className="loading">The alert carries no event.</p> : null}
      <div className="evidence">
        {events.map((event) => (
          <details key={`${event.seq} ${event.time} ${kindOf(event)}`}>
            <summary>
              <time dateTime={event.time} className="mono muted">
                {clock(event.time)}
              </time>
              <span className="mono">{kindOf(event)}</span>
              <span className="what">
                {event.process ? <span className="strong">{event.process.name} </span> : null}
                {describe(event)}
              </span>
            </summary>
            <div className="inside">
              <p className="muted">
                Seen by {event.provider} · attribution {event.attribution} · number {event.seq}
              </p>
              <Json value={event} label={`Event ${event.seq} as JSON`} />
            </div>
          </details>
        ))}
      </div>
    </Panel>
  );
}

function About({ alert }: { alert: Alert }) {
  const { scope } = alert;
  return (
    <Panel title="Where and when">
      <Facts
        rows={[
          ["First seen", <Time key="f" at={alert.first_seen} exact />],
          ["Last seen", <Time key="l" at={alert.last_seen} exact />],
          ["Count", alert.count],
          ["Container", scope.container ? <span title={scope.container.id}>{scope.container.name}</span> : null],
          ["Privileged", scope.container?.privileged ? <Tag tone="high">yes</Tag> : null],
          ["Image", scope.image ? <span title={scope.image.digest ?? ""}>{scope.image.reference}</span> : null],
          ["Pod", scope.pod?.name],
          ["Namespace", scope.namespace],
          ["Workload", scope.workload ? `${scope.workload.kind} ${scope.workload.name}` : null],
          [
            "Node",
            scope.node ? (
              <Link to="/nodes/$cluster/$node" params={{ cluster: scope.cluster, node: scope.node }}>
                {scope.node}
              </Link>
            ) : null,
          ],
          ["Cluster", scope.cluster],
          ["Started from", rootName(alert.causal_root)],
          ["Involved", alert.entities.length ? <Entities entities={alert.entities} /> : null],
          ["Rule", alert.rule ?? "a detector"],
          ["Key", <code key="k">{alert.key}</code>],
          ["Rules version", alert.content_version],
          ["Done about it", alert.response],
        ]}
      />
    </Panel>
  );
}

const Entities = ({ entities }: { entities: readonly Entity[] }) => (
  <ul>
    {entities.map((entity) => (
      <li key={JSON.stringify(entity)}>{entityName(entity)}</li>
    ))}
  </ul>
);

function entityName(entity: Entity): string {
  switch (entity.type) {
    case "file":
      return entity.path;
    case "ip":
      return entity.port ? `${entity.address}:${entity.port}` : entity.address;
    case "dns":
      return entity.domain;
    case "container":
      return `container ${entity.name || shortDigest(entity.id)}`;
    case "pod":
      return `pod ${entity.namespace}/${entity.name}`;
    case "image":
      return entity.reference;
    case "account":
      return `account ${entity.name}`;
    case "object":
      return `${entity.kind} ${[entity.namespace, entity.name].filter(Boolean).join("/")}`;
    default:
      return JSON.stringify(entity);
  }
}

function Meaning({ alertKey, detector }: { alertKey: string; detector: boolean }) {
  const entry = useQuery(queries.catalogue(alertKey));
  if (!entry.data) {
    return entry.data === null ? (
      <Panel title="What it means">
        <p className="muted">{detector ? "The catalogue has no entry for this detector." : "The catalogue has no entry for this rule: it is one of your own."}</p>
      </Panel>
    ) : null;
  }
  const { description, remediation, tactics, techniques } = entry.data;
  return (
    <>
      <Panel title="What it means">
        <p>{description}</p>
        <p className="chips">
          {[...tactics, ...techniques].map((name) => (
            <Tag key={name} tone="neutral" plain>
              {name}
            </Tag>
          ))}
        </p>
      </Panel>
      {remediation.length ? (
        <Panel title="What to do">
          <ol className="steps">
            {remediation.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </Panel>
      ) : null}
    </>
  );
}
