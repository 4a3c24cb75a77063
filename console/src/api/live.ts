// Live changes: the hub's stream of server-sent events marks answers as old, and they are asked for again.
import type { QueryClient } from "@tanstack/react-query";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import type { Topic } from "./queries";

/** Changes are gathered this long: a burst of alerts is one request, and a person sees no difference. */
const GATHER_MS = 400;

const TOPICS: Topic[] = ["alert", "incident", "image", "node", "coverage", "gap", "job"];

/** Other answers that a change makes old, beside those of its own topic. */
const ALSO: Partial<Record<Topic, string[]>> = {
  alert: ["incident", "overview", "workload"],
  incident: ["alert", "overview"],
  image: ["overview", "workload"],
  node: ["overview", "workload"],
  coverage: ["overview", "node"],
  gap: ["overview", "node"],
};

export type LiveState = "connecting" | "live" | "broken";

let state: LiveState = "connecting";
const listeners = new Set<() => void>();

function set(next: LiveState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** Which keys are old after these changes. */
export function staleKeys(topics: Iterable<Topic>): Set<string> {
  const keys = new Set<string>();
  for (const topic of topics) {
    keys.add(topic);
    for (const other of ALSO[topic] ?? []) keys.add(other);
  }
  return keys;
}

function connect(client: QueryClient): () => void {
  const changed = new Set<Topic>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    for (const key of staleKeys(changed)) void client.invalidateQueries({ queryKey: [key] });
    changed.clear();
  };
  const source = new EventSource("/api/v1/stream");
  source.addEventListener("open", () => set("live"));
  // The browser connects again by itself and says where it stopped.
  source.addEventListener("error", () => set("broken"));
  source.addEventListener("reset", () => void client.invalidateQueries());
  for (const topic of TOPICS) {
    source.addEventListener(topic, () => {
      changed.add(topic);
      timer ??= setTimeout(flush, GATHER_MS);
    });
  }
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

/** Keeps the page's answers fresh as long as the component lives. */
export function useLive(): void {
  const client = useQueryClient();
  useEffect(() => connect(client), [client]);
}

/** Whether changes arrive. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
