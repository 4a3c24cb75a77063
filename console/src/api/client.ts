// Requests to the hub that served this page. The session is a cookie that scripts cannot read.
import type { Page, Problem } from "./types";

const BASE = "/api/v1";
const PAGE_ROWS = 100;

/** A refusal by the hub, with what it said, or a hub that did not answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly title: string;

  constructor(status: number, title: string, detail: string) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.title = title;
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** An address with its query; empty values are left out, because they mean "any". */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${BASE}${path}?${text}` : `${BASE}${path}`;
}

async function request<T>(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { method, headers: { accept: "application/json" } };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, "content-type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The hub does not answer", "It may be stopping or restarting. What is on the screen may be old.");
  }
  if (response.status === 401) window.location.assign("/login");
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
    throw new ApiError(response.status, problem.title ?? response.statusText, problem.detail ?? `HTTP ${response.status}`);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  request<T>("GET", address(path, query), undefined, signal);

export const post = <T>(path: string, body: unknown): Promise<T> => request<T>("POST", address(path), body);

export const patch = <T>(path: string, body: unknown): Promise<T> => request<T>("PATCH", address(path), body);

export const remove = (path: string): Promise<void> => request<void>("DELETE", address(path));

/** One page of a list. */
export const page = <Row>(path: string, query: Query, cursor: string | null, signal?: AbortSignal): Promise<Page<Row>> =>
  get<Page<Row>>(path, { ...query, cursor, limit: PAGE_ROWS }, signal);
