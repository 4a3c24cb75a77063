// What pages ask the hub, with the keys under which answers are kept. The first part of a key is what live changes name.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { get, page, type Query } from "./client";
import type {
  AlertRecord,
  AlertsQuery,
  AlertSummary,
  CatalogueEntry,
  CoverageQuery,
  CoverageRow,
  FindingRow,
  FindingsQuery,
  GapRow,
  GapsQuery,
  ImageDetails,
  ImagesQuery,
  ImageSummary,
  IncidentDetails,
  IncidentsQuery,
  IncidentSummary,
  Job,
  NodeDetails,
  NodeRow,
  NodesQuery,
  Overview,
  Package,
  PackagesQuery,
  Page,
  SessionInfo,
  WorkloadRow,
  WorkloadsQuery,
} from "./types";

/** What a change on the hub makes old. */
export type Topic = "alert" | "incident" | "image" | "node" | "coverage" | "gap" | "job";

const list = <Row>(topic: Topic | "workload", path: string, query: Query) =>
  infiniteQueryOptions({
    queryKey: [topic, "list", path, query],
    queryFn: ({ pageParam, signal }) => page<Row>(path, query, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last: Page<Row>) => last.next ?? null,
    // A filter that changes keeps the old rows on the screen until the new ones are there.
    placeholderData: (previous) => previous,
  });

const one = <T>(topic: Topic, path: string) =>
  queryOptions({ queryKey: [topic, "one", path], queryFn: ({ signal }) => get<T>(path, {}, signal) });

const id = encodeURIComponent;

export const session = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => get<SessionInfo>("/session", {}, signal),
  staleTime: Infinity,
});

export const overview = (cluster: string | undefined) =>
  queryOptions({
    queryKey: ["overview", cluster ?? ""],
    queryFn: ({ signal }) => get<Overview>("/overview", { cluster }, signal),
  });

export const alerts = (query: AlertsQuery) => list<AlertSummary>("alert", "/alerts", { ...query });
export const alert = (alertId: string) => one<AlertRecord>("alert", `/alerts/${id(alertId)}`);
export const incidents = (query: IncidentsQuery) => list<IncidentSummary>("incident", "/incidents", { ...query });
export const incident = (incidentId: string) => one<IncidentDetails>("incident", `/incidents/${id(incidentId)}`);
export const images = (query: ImagesQuery) => list<ImageSummary>("image", "/images", { ...query });
export const image = (imageId: string) => one<ImageDetails>("image", `/images/${id(imageId)}`);
export const findings = (imageId: string, query: FindingsQuery) =>
  list<FindingRow>("image", `/images/${id(imageId)}/findings`, { ...query });
export const packages = (imageId: string, query: PackagesQuery) =>
  list<Package>("image", `/images/${id(imageId)}/packages`, { ...query });
export const workloads = (query: WorkloadsQuery) => list<WorkloadRow>("workload", "/workloads", { ...query });
export const nodes = (query: NodesQuery) => list<NodeRow>("node", "/nodes", { ...query });
export const node = (cluster: string, name: string) => one<NodeDetails>("node", `/nodes/${id(cluster)}/${id(name)}`);
export const coverage = (query: CoverageQuery) => list<CoverageRow>("coverage", "/coverage", { ...query });
export const gaps = (query: GapsQuery) => list<GapRow>("gap", "/gaps", { ...query });

export const jobs = queryOptions({
  queryKey: ["job", "list"],
  queryFn: ({ signal }) => get<{ items: Job[] }>("/jobs", {}, signal),
});

/** What an alert's key means. Users' own rules have no entry: that is an answer, not an error. */
export const catalogue = (key: string) =>
  queryOptions({
    queryKey: ["catalogue", key],
    queryFn: async ({ signal }): Promise<CatalogueEntry | null> => {
      try {
        return await get<CatalogueEntry>(`/catalogue/${id(key)}`, {}, signal);
      } catch (error) {
        if (error instanceof Error && "status" in error && error.status === 404) return null;
        throw error;
      }
    },
    staleTime: Infinity,
  });
