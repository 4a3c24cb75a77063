// The API's values by their short names. `schema.ts` is generated from the hub's OpenAPI document.
import type { components, operations } from "./schema";

type Schemas = components["schemas"];

export type Action = Schemas["Action"];
export type Alert = Schemas["Alert"];
export type AlertRecord = Schemas["AlertRecord"];
export type AlertSummary = Schemas["AlertSummary"];
export type CatalogueEntry = Schemas["CatalogueEntry"];
export type CausalRoot = Schemas["CausalRoot"];
export type Coverage = Schemas["Coverage"];
export type CoverageRow = Schemas["CoverageRow"];
export type CoverageState = Schemas["CoverageState"];
export type Entity = Schemas["Entity"];
export type Event = Schemas["Event"];
export type Finding = Schemas["Finding"];
export type FindingRow = Schemas["FindingRow"];
export type GapRow = Schemas["GapRow"];
export type ImageDetails = Schemas["ImageDetails"];
export type ImageSummary = Schemas["ImageSummary"];
export type IncidentDetails = Schemas["IncidentDetails"];
export type IncidentPatch = Schemas["IncidentPatch"];
export type IncidentStatus = Schemas["IncidentStatus"];
export type IncidentSummary = Schemas["IncidentSummary"];
export type Job = Schemas["Job"];
export type Loss = Schemas["Loss"];
export type NewEnrolmentToken = Schemas["NewEnrolmentToken"];
export type NodeDetails = Schemas["NodeDetails"];
export type NodeRow = Schemas["NodeRow"];
export type NodeState = Schemas["NodeState"];
export type Overview = Schemas["Overview"];
export type Package = Schemas["Package"];
export type Problem = Schemas["Problem"];
export type Process = Schemas["Process"];
export type Scope = Schemas["Scope"];
export type SessionInfo = Schemas["SessionInfo"];
export type Severity = Schemas["Severity"];
export type SeverityCounts = Schemas["SeverityCounts"];
export type Subject = Schemas["Subject"];
export type WorkloadRow = Schemas["WorkloadRow"];

/** A page of a list: rows, and the cursor of the next page. */
export interface Page<Row> {
  items: Row[];
  next?: string | null;
}

/** The query of a list, without the parameters that paging sets. */
type QueryOf<Name extends keyof operations> = operations[Name]["parameters"] extends { query?: infer Query }
  ? Omit<NonNullable<Query>, "cursor" | "limit">
  : never;

export type AlertsQuery = QueryOf<"list_alerts">;
export type CoverageQuery = QueryOf<"list_coverage">;
export type GapsQuery = QueryOf<"list_gaps">;
export type FindingsQuery = QueryOf<"list_findings">;
export type ImagesQuery = QueryOf<"list_images">;
export type IncidentsQuery = QueryOf<"list_incidents">;
export type NodesQuery = QueryOf<"list_nodes">;
export type PackagesQuery = QueryOf<"list_packages">;
export type WorkloadsQuery = QueryOf<"list_workloads">;
