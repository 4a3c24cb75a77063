import { describe as group, expect, test } from "vitest";
import { address } from "../api/client";
import { staleKeys } from "../api/live";
import type { Event, Scope } from "../api/types";
import { describe } from "./event";
import { ago, bytes, commandLine, imageName, moment, plural, shortDigest, words } from "./format";
import { placeContext, placeName } from "./place";
import { countOf, total, worst } from "./severity";

const NOW = Date.parse("2026-11-24T07:00:00Z");

group("format", () => {
  test.each([
    ["2026-11-24T06:59:59.500000000Z", "now"],
    ["2026-11-24T06:59:18.000000000Z", "42s ago"],
    ["2026-11-24T06:57:01.000000000Z", "2m ago"],
    ["2026-11-24T01:00:00.000000000Z", "6h ago"],
    ["2026-11-20T07:00:00.000000000Z", "4d ago"],
    ["not a time", "not a time"],
  ])("%s is %s", (time, expected) => expect(ago(time, NOW)).toBe(expected));

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [30 << 20, "30 MiB"],
    [5 * 1024 ** 4 * 1024, "5120 TiB"],
  ])("%d bytes are %s", (value, expected) => expect(bytes(value)).toBe(expected));

  test("words, counts and digests", () => {
    expect(words("false_positive")).toBe("False positive");
    expect([plural(1, "alert"), plural(1200, "alert")]).toEqual(["1 alert", "1,200 alerts"]);
    expect(shortDigest("sha256:0123456789abcdef")).toBe("0123456789ab");
    expect(moment("nonsense")).toBe("nonsense");
  });

  test("references keep what tells them apart", () => {
    expect(imageName("registry.example/team/app:1.2")).toEqual({ name: "app:1.2", from: "registry.example/team" });
    expect(imageName("app")).toEqual({ name: "app", from: "" });
  });

  test("a copied command line means the same", () => {
    expect(commandLine(["sh", "-c", "cat /etc/shadow; echo 'x'"])).toBe(String.raw`sh -c 'cat /etc/shadow; echo '\''x'\'''`);
  });
});

group("places", () => {
  const scope = (fields: object) => ({ cluster: "local", ...fields }) as Scope;
  test.each([
    [scope({}), "local", ""],
    [scope({ node: "n1" }), "n1", "local"],
    [scope({ node: "n1", namespace: "web", pod: { name: "web-1" }, container: { id: "c", name: "app" } }), "app", "web/web-1 · n1 · local"],
  ])("%o", (place, name, context) => expect([placeName(place), placeContext(place)]).toEqual([name, context]));
});

group("events", () => {
  const event = (fields: object) => ({ process: { args: ["cat", "/etc/shadow"], exe: "/bin/cat" }, ...fields }) as unknown as Event;
  test.each([
    [{ kind: "exec", result: 0 }, "started cat /etc/shadow"],
    [{ kind: "exec", result: -13 }, "started cat /etc/shadow, failed (errno 13)"],
    [{ kind: "file_open", path: "/etc/shadow", flags: ["O_RDONLY"], result: 3 }, "opened /etc/shadow to read"],
    [{ kind: "file_open", path: "/a", flags: ["O_WRONLY", "O_CREAT", "O_CLOEXEC"], result: -2 }, "opened /a to write, creat, failed (errno 2)"],
    [{ kind: "file_change", operation: "rename", path: "/a", new_path: "/b", result: 0 }, "rename /a → /b"],
    [{ kind: "connect", protocol: "tcp", remote: { ip: "::1", port: 53 }, result: -115 }, "connected to [::1]:53 over tcp, in progress"],
    [{ kind: "exit", code: 0, signal: 9 }, "ended by signal 9"],
    [{ kind: "ptrace", call: "ptrace", result: 0 }, "ptrace"],
    [{ kind: "from_the_future" }, "from the future"],
    [
      { kind: "k8s_audit", audit: { verb: "create", user: { username: "eve" }, objectRef: { resource: "pods", subresource: "exec", namespace: "web", name: "p" } } },
      "eve: create pods/exec web/p",
    ],
  ])("%o", (fields, expected) => expect(describe(event(fields))).toBe(expected));
});

group("severities", () => {
  const counts = { critical: 0, high: 2, medium: 1, low: 0, informational: 0, unknown: 4 };
  test("worst first, and all of them counted", () => {
    expect([worst(counts), total(counts), countOf(counts, "Unknown")]).toEqual(["High", 7, 4]);
    expect(worst({ ...counts, high: 0, medium: 0, unknown: 0 })).toBeUndefined();
  });
});

group("requests", () => {
  test("empty filters mean any and are left out", () => {
    expect(address("/alerts", { q: "a b&c", severity: "", cursor: null, limit: 5 })).toBe("/api/v1/alerts?q=a+b%26c&limit=5");
    expect(address("/alerts")).toBe("/api/v1/alerts");
  });

  test("a change makes old what is made of it", () => {
    expect([...staleKeys(["gap", "node"])].sort()).toEqual(["gap", "node", "overview", "workload"]);
  });
});
