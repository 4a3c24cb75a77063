// One node: what it sees and by what, what went missing, its streams.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import * as queries from "../api/queries";
import type { GapRow, NodeDetails } from "../api/types";
import { count, plural, words } from "../lib/format";
import { subjectName } from "../lib/place";
import { COVERAGE_STATES, NODE_TONES } from "../lib/severity";
import { PageFrame } from "../ui/page";
import { CoverageTag, Facts, Failure, Loading, LossText, Panel, Tag, Time } from "../ui/parts";

const UP = { to: "/nodes", name: "Nodes" };

export function NodePage() {
  const { cluster = "", node: name = "" } = useParams({ strict: false });
  const node = useQuery(queries.node(cluster, name));
  if (!node.data)
    return (
      <PageFrame title={name} up={UP}>
        {node.isError ? <Failure error={node.error} retry={() => void node.refetch()} /> : <Loading what="the node" />}
      </PageFrame>
    );
  const { data } = node;
  return (
    <PageFrame
      title={data.node}
      up={UP}
      beside={<Tag tone={NODE_TONES[data.state]}>{words(data.state)}</Tag>}
      sub={
        <>
          {data.cluster} · {data.program} {data.version} · last heard <Time at={data.last_seen} />
        </>
      }
      actions={
        <Link to="/alerts" search={{ node: data.node }} className="button">
          Its alerts
        </Link>
      }
    >
      {data.silent_since ? (
        <p className="notice tone-high" role="alert">
          Nothing was heard since <Time at={data.silent_since} exact />. What happens on it now is not seen.
        </p>
      ) : null}
      <div className="columns">
        <div className="stack">
          <CoverageTable node={data} />
          <Losses node={data} />
          <Gaps node={data} />
        </div>
        <div className="stack">
          <Panel title="The machine">
            <Facts
              rows={[
                ["System", data.facts?.os ?? "not said yet"],
                ["Kernel", data.facts?.kernel],
                ["Runtime", data.facts?.container_runtime ?? "not said yet"],
                ["Containers", count(data.containers)],
                ["First heard", <Time key="f" at={data.first_seen} exact />],
                ["Last heard", <Time key="l" at={data.last_seen} exact />],
              ]}
            />
          </Panel>
          <Panel title="Streams" note="newest starts" padded={false}>
            <ul className="list-lines">
              {data.streams.map((stream) => (
                <li key={`${stream.boot_id} ${stream.stream}`}>
                  <span className="strong">{stream.stream}</span> <span className="muted">{plural(stream.records, "record")}</span>
                  <div className="muted">
                    durable up to {count(stream.acked)} · last batch <Time at={stream.last_batch} />
                  </div>
                </li>
              ))}
            </ul>
            {data.streams.length ? null : <p className="loading">It has sent nothing yet.</p>}
          </Panel>
        </div>
      </div>
    </PageFrame>
  );
}

function CoverageTable({ node }: { node: NodeDetails }) {
  const result = useInfiniteQuery(queries.coverage({ cluster: node.cluster, node: node.node }));
  const rows = [...(result.data?.pages.flatMap((page) => page.items) ?? [])].sort(
    (one, two) => COVERAGE_STATES.indexOf(one.state) - COVERAGE_STATES.indexOf(two.state) || one.signal.localeCompare(two.signal),
  );
  return (
    <Panel title="Coverage" note="what is not seen comes first" padded={false}>
      {result.isPending ? <Loading what="coverage" /> : null}
      {result.isError ? <Failure error={result.error} retry={() => void result.refetch()} /> : null}
      {result.data && rows.length === 0 ? <p className="loading">The node has not said what it sees. Until it does, count on nothing.</p> : null}
      {rows.length ? (
        <div className="table-scroll" tabIndex={0} role="region" aria-label="Coverage of the node">
          <table className="table">
            <colgroup>
              <col className="w-s" />
              <col className="w-m" />
              <col className="w-m" />
              <col />
              <col className="w-s" />
            </colgroup>
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Signal</th>
                <th scope="col">Seen by</th>
                <th scope="col">Reason</th>
                <th scope="col">Missing</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.signal} ${JSON.stringify(row.subject)}`} className="row">
                  <td>
                    <CoverageTag state={row.state} />
                  </td>
                  <td>
                    <span className="strong">{row.signal}</span>
                    {row.subject.type === "scope" ? null : <div className="second">{subjectName(row.subject)}</div>}
                  </td>
                  <td className="mono wrap">{row.provider ?? ""}</td>
                  <td className="wrap">{row.reason}</td>
                  <td>
                    <LossText loss={row.lost} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {result.hasNextPage ? (
        <p className="table-foot">
          <button type="button" className="button" onClick={() => void result.fetchNextPage()}>
            More
          </button>
        </p>
      ) : null}
    </Panel>
  );
}

function Losses({ node }: { node: NodeDetails }) {
  const rows = Object.entries(node.losses).sort(([one], [two]) => one.localeCompare(two));
  return (
    <Panel title="Counters since the sensor started" note="lost: in the kernel · dropped: in our programs · shed: over the budget · filtered: no rule asks" padded={false}>
      {rows.length === 0 ? <p className="loading">The node counts nothing yet.</p> : null}
      {rows.length ? (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Signal</th>
              <th scope="col" className="right">Lost</th>
              <th scope="col" className="right">Dropped</th>
              <th scope="col" className="right">Shed</th>
              <th scope="col" className="right">Filtered</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([signal, loss]) => (
              <tr key={signal} className="row">
                <th scope="row" className="strong">{signal}</th>
                {(["lost", "dropped", "shed"] as const).map((kind) => (
                  <td key={kind} className="right">{loss[kind] ? <Tag tone="high">{count(loss[kind])}</Tag> : "0"}</td>
                ))}
                <td className="right muted">{count(loss.filtered)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </Panel>
  );
}

function Gaps({ node }: { node: NodeDetails }) {
  const result = useInfiniteQuery({ ...queries.gaps({ cluster: node.cluster, node: node.node }), enabled: node.gaps > 0 });
  const rows: GapRow[] = result.data?.pages.flatMap((page) => page.items) ?? [];
  if (node.gaps === 0) return null;
  return (
    <Panel title="Gaps" note="records that will never come" padded={false}>
      {result.isPending ? <Loading what="gaps" /> : null}
      {result.isError ? <Failure error={result.error} /> : null}
      <ul className="list-lines">
        {rows.map((gap) => (
          <li key={gap.id}>
            <Tag tone="high">{plural(gap.to - gap.from + 1, "record")}</Tag> of <span className="strong">{gap.stream}</span>: {words(gap.cause).toLowerCase()}
            <div className="muted">
              numbers {count(gap.from)} to {count(gap.to)} · said by the {gap.source} · <Time at={gap.recorded} exact />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
