// Events in one line, for people. An event is a flat object; its `kind` says which fields it has (contract §2).
import type { Event } from "../api/types";
import { commandLine } from "./format";

type Fields = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
const object = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});

function endpoint(value: unknown): string {
  const { ip, port } = object(value);
  if (!text(ip)) return "?";
  return text(ip).includes(":") ? `[${text(ip)}]:${String(port)}` : `${text(ip)}:${String(port)}`;
}

/** `, failed (errno 13)` for a result below zero. In progress (115) is how a non-blocking connect begins. */
function failure(result: unknown): string {
  const code = number(result) ?? 0;
  if (code === -115) return ", in progress";
  return code < 0 ? `, failed (errno ${-code})` : "";
}

/** The tag that tells events apart. The generated type lacks it, every event has it. */
export const kindOf = (event: Event): string => text((event as unknown as Fields)["kind"]);

/** What happened. */
export function describe(event: Event): string {
  const fields = event as unknown as Fields;
  const args = event.process?.args ?? [];
  switch (fields["kind"]) {
    case "exec":
      return `started ${args.length > 0 ? commandLine(args) : (event.process?.exe ?? "a program")}${failure(fields["result"])}`;
    case "exit":
      return number(fields["signal"]) ? `ended by signal ${String(fields["signal"])}` : `ended with code ${String(fields["code"])}`;
    case "fork":
      return `made process ${String(object(fields["child"])["pid"])}`;
    case "file_open":
      return `opened ${text(fields["path"])} ${flags(fields["flags"])}${failure(fields["result"])}`;
    case "file_change": {
      const target = text(fields["new_path"]);
      const what = text(fields["operation"]).replaceAll("_", " ");
      return `${what} ${text(fields["path"])}${target ? ` → ${target}` : ""}${failure(fields["result"])}`;
    }
    case "connect":
      return `connected to ${text(fields["path"]) || endpoint(fields["remote"])} over ${text(fields["protocol"])}${failure(fields["result"])}`;
    case "accept":
      return `accepted ${endpoint(fields["remote"])} on ${endpoint(fields["local"])}`;
    case "listen":
      return `listens on ${text(fields["path"]) || endpoint(fields["local"])}`;
    case "dns":
      return `asked for ${text(fields["question"])} (${text(fields["type"])})`;
    case "capability":
      return `${fields["granted"] === false ? "was denied" : "used"} ${text(fields["capability"])}`;
    case "k8s_audit":
      return audit(object(fields["audit"]));
    case "container":
      return `container ${text(fields["phase"])}`;
    case "log":
      return text(fields["line"]);
    default:
      return `${text(fields["call"]) || text(fields["kind"]).replaceAll("_", " ")}${failure(fields["result"])}`;
  }
}

function flags(value: unknown): string {
  const names = Array.isArray(value) ? value.map(String) : [];
  const access = names.includes("O_RDWR") ? "to read and write" : names.includes("O_WRONLY") ? "to write" : "to read";
  const rest = names.filter((name) => /^O_(CREAT|TRUNC|APPEND|EXCL|TMPFILE)$/.test(name));
  return [access, ...rest.map((name) => name.slice(2).toLowerCase())].join(", ");
}

function audit(event: Fields): string {
  const reference = object(event["objectRef"]);
  const name = [text(reference["namespace"]), text(reference["name"])].filter(Boolean).join("/");
  const resource = [text(reference["resource"]), text(reference["subresource"])].filter(Boolean).join("/");
  const user = text(object(event["user"])["username"]);
  return `${user || "somebody"}: ${text(event["verb"])} ${resource} ${name}`.trim();
}
