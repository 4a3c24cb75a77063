// One image: findings, packages, what was not covered, layers, what to do.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import * as queries from "../api/queries";
import type { Finding, FindingRow, ImageDetails, Package } from "../api/types";
import { useFilters } from "../lib/filters";
import { bytes, count, imageName, plural, shortDigest, words } from "../lib/format";
import { total } from "../lib/severity";
import { Search, SeverityFilter, Tabs } from "../ui/controls";
import { CoverageList } from "../ui/coverage-list";
import { PageFrame } from "../ui/page";
import { Counts, Empty, Facts, Failure, Json, Loading, Panel, SeverityTag, Tag, Time } from "../ui/parts";
import { type Column, DataTable, Two } from "../ui/table";

const UP = { to: "/images", name: "Images" };

export function ImagePage() {
  const { imageId = "" } = useParams({ strict: false });
  const image = useQuery(queries.image(imageId));
  if (!image.data)
    return (
      <PageFrame title="Image" up={UP}>
        {image.isError ? <Failure error={image.error} retry={() => void image.refetch()} /> : <Loading what="the image" />}
      </PageFrame>
    );
  return <Content image={image.data} />;
}

function Content({ image }: { image: ImageDetails }) {
  const { value, set } = useFilters();
  const { name, from } = imageName(image.reference || shortDigest(image.manifest_digest));
  return (
    <PageFrame
      title={name}
      up={UP}
      fills
      beside={
        <>
          <Counts counts={image.findings} />
          {image.known_exploited ? <Tag tone="critical">{count(image.known_exploited)} known exploited</Tag> : null}
          {image.not_covered ? <Tag tone="medium">{count(image.not_covered)} not covered</Tag> : <Tag tone="good">fully covered</Tag>}
        </>
      }
      sub={
        <>
          {[from, image.os || "no operating system found", image.platform, image.running ? `run by ${plural(image.running, "workload")}` : "not seen running"]
            .filter(Boolean)
            .join(" · ")}{" "}
          · assessed <Time at={image.assessed} />
        </>
      }
    >
      <Tabs
        label="Parts of the image"
        value={value("tab") || "findings"}
        onChange={(tab) => set("tab", tab)}
        tabs={[
          { id: "findings", name: "Findings", count: count(total(image.findings)), content: () => <Findings image={image} /> },
          { id: "packages", name: "Packages", count: count(image.packages), content: () => <Packages image={image} /> },
          { id: "coverage", name: "Coverage", count: image.not_covered ? count(image.not_covered) : undefined, content: () => <CoverageTab image={image} /> },
          { id: "details", name: "Layers and digests", count: count(image.layers.length), content: () => <Details image={image} /> },
        ]}
      />
    </PageFrame>
  );
}

const FINDING_COLUMNS: Column<FindingRow>[] = [
  { name: "Severity", width: "w-s", cell: ({ finding }) => <SeverityTag severity={finding.severity.chosen} /> },
  {
    name: "Finding",
    cell: ({ finding }) => (
      <Two
        first={
          <>
            <span className="strong mono">{finding.id}</span> {finding.kev ? <Tag tone="critical">{finding.kev.ransomware ? "ransomware uses it" : "known exploited"}</Tag> : null}
          </>
        }
        second={<span title={finding.title}>{finding.title || finding.aliases.join(", ")}</span>}
      />
    ),
  },
  { name: "Package", width: "w-xl", cell: ({ finding }) => <Two first={<span className="mono">{packageName(finding)}</span>} second={<span title={finding.package}>{finding.package}</span>} /> },
  { name: "Installed", width: "w-l", cell: ({ finding }) => <span className="mono wrap">{finding.installed}</span> },
  { name: "Fix", width: "w-l", cell: ({ finding }) => <Fix finding={finding} /> },
  { name: "Why", width: "w-l", cell: ({ finding }) => <Two first={<span title={finding.because.rule}>{finding.because.rule}</span>} second={`${finding.because.segment} · ${finding.confidence}`} /> },
];

const packageName = (finding: Finding): string => {
  const path = finding.package.replace(/^pkg:[^/]+\//, "").replace(/[@?#].*$/, "");
  return decodeURIComponent(path.split("/").at(-1) ?? path);
};

function Fix({ finding }: { finding: Finding }) {
  if (finding.fixed.length > 0) return <span className="mono wrap">{finding.fixed.join(", ")}</span>;
  return <span className="muted">{words(finding.status)}</span>;
}

function Findings({ image }: { image: ImageDetails }) {
  const { value, set } = useFilters();
  const result = useInfiniteQuery(
    queries.findings(image.id, { q: value("q"), severity: value("severity"), ...(value("fixable") ? { fixable: true } : {}) }),
  );
  return (
    <>
      {image.actions.length ? <Actions image={image} /> : null}
      <div className="toolbar">
        <Search label="Search in findings" value={value("q")} onChange={(text) => set("q", text)} />
        <SeverityFilter value={value("severity")} onChange={(levels) => set("severity", levels)} levels={["Critical", "High", "Medium", "Low", "Unknown"]} />
        <button type="button" className="button" aria-pressed={value("fixable") !== ""} onClick={() => set("fixable", value("fixable") ? "" : "yes")}>
          With a fix
        </button>
      </div>
      <div className="panel fills">
        <DataTable
          what="findings"
          columns={FINDING_COLUMNS}
          result={result}
          rowKey={(row) => String(row.ordinal)}
          empty={
            <Empty title={image.not_covered ? "No finding, but not everything was compared" : "No finding"}>
              <p>
                {image.not_covered
                  ? "For a part of this image there is no advisory feed. The coverage tab says for which: there, nothing is known, which is not the same as nothing is wrong."
                  : "Nothing that the advisory feeds know, and that fits the filters, is in this image."}
              </p>
            </Empty>
          }
        />
      </div>
    </>
  );
}

function Actions({ image }: { image: ImageDetails }) {
  return (
    <Panel title="What to do" note="most effective first" padded={false}>
      <ul className="list-lines">
        {image.actions.slice(0, 5).map((action) => (
          <li key={`${action.kind} ${action.target}`}>
            <span className="strong">{words(action.kind)}</span> <span className="mono">{action.target}</span>{" "}
            <span className="muted">{action.verified ? `closes ${count(action.closes.length)} of ${count(action.of_total)}` : `addresses ${plural(action.closes.length, "finding")}; not verified`}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const PACKAGE_COLUMNS: Column<Package>[] = [
  { name: "Package", cell: (row) => <Two first={<span className="strong mono">{row.name}</span>} second={<span title={row.purl}>{row.purl}</span>} /> },
  { name: "Version", width: "w-l", cell: (row) => <span className="mono wrap">{row.version}</span> },
  { name: "Type", width: "w-s", cell: (row) => row.type },
  { name: "Source", width: "w-l", cell: (row) => (row.source ? <Two first={row.source.name} second={row.source.version} /> : <span className="muted">–</span>) },
  { name: "Found by", width: "w-s", cell: (row) => row.evidence },
  { name: "Where", width: "w-xl", cell: (row) => <Two first={<span className="mono" title={row.locations[0]?.path}>{row.locations[0] ? `/${row.locations[0].path}` : "–"}</span>} second={row.layer ? `layer ${shortDigest(row.layer)}` : undefined} /> },
];

function Packages({ image }: { image: ImageDetails }) {
  const { value, set } = useFilters();
  const result = useInfiniteQuery(queries.packages(image.id, { q: value("q") }));
  return (
    <>
      <div className="toolbar">
        <Search label="Search in packages" value={value("q")} onChange={(text) => set("q", text)} />
      </div>
      <div className="panel fills">
        <DataTable
          what="packages"
          columns={PACKAGE_COLUMNS}
          result={result}
          rowKey={(row) => `${row.purl} ${row.locations[0]?.path ?? ""} ${row.layer ?? ""}`}
          empty={
            <Empty title="No package">
              <p>No analyser found one that fits the search. Files that no analyser knows are not packages.</p>
            </Empty>
          }
        />
      </div>
    </>
  );
}

function CoverageTab({ image }: { image: ImageDetails }) {
  return (
    <div className="halves">
      <Panel title="What was compared with a feed" padded={false}>
        {image.coverage.length ? <CoverageList coverage={image.coverage} /> : <p className="loading">The assessment says nothing about coverage.</p>}
      </Panel>
      <div className="stack">
        <Panel title="Feeds used" padded={false}>
          <ul className="list-lines">
            {image.manifest.map((segment) => (
              <li key={segment.hash}>
                <span className="strong">{segment.name}</span> <span className="muted">of <Time at={segment.date} exact /></span>
                <div className="muted mono">{segment.hash.slice(0, 16)}</div>
              </li>
            ))}
          </ul>
          {image.manifest.length ? null : <p className="loading">None. Without a feed there is no finding, and that means: nothing is known.</p>}
        </Panel>
        <Panel title="What could not be read" note={plural(image.diagnostics.length, "diagnostic")} padded={false}>
          <ul className="list-lines">
            {image.diagnostics.map((entry) => (
              <li key={`${entry.code} ${entry.span.source} ${entry.message}`}>
                <span className="mono">{entry.code}</span> <span className="muted">{entry.span.source}</span>
                <div>{entry.message}</div>
              </li>
            ))}
          </ul>
          {image.diagnostics.length ? null : <p className="loading">Every file that an analyser asked for was read.</p>}
        </Panel>
      </div>
    </div>
  );
}

function Details({ image }: { image: ImageDetails }) {
  return (
    <div className="halves">
      <Panel title="Layers" note="base first" padded={false}>
        <ol className="list-lines">
          {image.layers.map((layer) => (
            <li key={layer.digest}>
              <span className="mono">{shortDigest(layer.digest)}</span> <span className="muted">{bytes(layer.size_bytes)}</span> {layer.complete ? null : <Tag tone="high">not read to its end</Tag>}
              {layer.created_by ? <div className="muted mono">{layer.created_by}</div> : null}
            </li>
          ))}
        </ol>
      </Panel>
      <div className="stack">
        <Panel title="Digests and names">
          <Facts
            rows={[
              ["Manifest", <code key="m">{image.manifest_digest}</code>],
              ["Index", image.index_digest ? <code>{image.index_digest}</code> : null],
              ["Configuration", image.config_digest ? <code>{image.config_digest}</code> : null],
              ["Known as", <ul key="r">{image.references.map((reference) => <li key={reference}>{reference}</li>)}</ul>],
              ["Assessed first", <Time key="a" at={image.added} exact />],
              ["Analysers", image.analysers_version],
            ]}
          />
        </Panel>
        {Object.keys(image.labels).length ? (
          <Panel title="Labels">
            <Json value={image.labels} label="Labels of the image" />
          </Panel>
        ) : null}
      </div>
    </div>
  );
}
