// The process that acted, with everything above it: who started whom, in which container.
import type { Process } from "../api/types";
import { commandLine, moment } from "../lib/format";
import type { Tone } from "../lib/severity";
import { Tag } from "./parts";

/** Origins of a program that the image does not explain. */
const SUSPICIOUS: Record<string, string> = {
  upper: "written into the container after it started",
  memfd: "runs from memory only",
  deleted: "its file is deleted",
  tmpfs: "from a temporary file system",
};

interface Level {
  pid: number;
  name: string;
  exe: string;
  args: readonly string[];
  started: string;
  inside: boolean;
  process?: Process;
}

/** Root first. The alert's own list goes before the short forms that the process carries. */
export function levels(tree: readonly Process[], process: Process | null | undefined): Level[] {
  const full = new Map<number, Process>(tree.map((entry) => [entry.pid, entry]));
  if (process) full.set(process.pid, process);
  const above: Level[] = [...(process?.ancestors ?? [])].reverse().map((ancestor) => ({
    pid: ancestor.pid,
    name: ancestor.name,
    exe: ancestor.exe,
    args: ancestor.args ?? [],
    started: ancestor.start_time,
    inside: ancestor.same_container,
  }));
  const known = new Set(above.map((level) => level.pid));
  const rest = tree.filter((entry) => !known.has(entry.pid) && entry.pid !== process?.pid);
  const whole = (entry: Process): Level => ({
    pid: entry.pid,
    name: entry.name,
    exe: entry.exe,
    args: entry.args,
    started: entry.start_time,
    inside: true,
    process: entry,
  });
  const detailed = above.map((level) => {
    const entry = full.get(level.pid);
    return entry ? { ...whole(entry), inside: level.inside } : level;
  });
  return [...rest.map(whole), ...detailed, ...(process ? [whole(process)] : [])];
}

export function ProcessTree({ tree, process, tone }: { tree: readonly Process[]; process: Process | null | undefined; tone: Tone }) {
  const all = levels(tree, process);
  if (all.length === 0) return <p className="muted">The alert names no process.</p>;
  return (
    <ul className="tree">
      <Branch levels={all} tone={tone} />
    </ul>
  );
}

function Branch({ levels: [level, ...below], tone }: { levels: Level[]; tone: Tone }) {
  if (!level) return null;
  const actor = below.length === 0;
  return (
    <li>
      <Row level={level} actor={actor} tone={tone} />
      {actor ? null : (
        <ul>
          <Branch levels={below} tone={tone} />
        </ul>
      )}
    </li>
  );
}

function Row({ level, actor, tone }: { level: Level; actor: boolean; tone: Tone }) {
  const { process } = level;
  const origin = process?.exe_origin ? SUSPICIOUS[process.exe_origin] : undefined;
  const classes = ["process", actor ? `actor tone-${tone}` : "", level.inside ? "" : "outside"];
  return (
    <div className={classes.filter(Boolean).join(" ")}>
      <div className="line">
        <span className="name">{level.name || level.exe}</span>
        <span className="meta">pid {level.pid}</span>
        {process ? <span className="meta">{process.user ? `${process.user} (uid ${process.uid})` : `uid ${process.uid}`}</span> : null}
        {level.inside ? null : <span className="meta">outside the container</span>}
        {origin ? <Tag tone="high">{origin}</Tag> : null}
        {process?.tty ? (
          <Tag tone="neutral" plain>
            terminal
          </Tag>
        ) : null}
      </div>
      {level.args.length > 0 ? <div className="command">{commandLine(level.args)}</div> : null}
      <div className="meta">
        {[level.exe, process?.cwd ? `in ${process.cwd}` : "", `since ${moment(level.started)}`].filter(Boolean).join(" · ")}
      </div>
    </div>
  );
}
