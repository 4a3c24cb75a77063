// Numbers, times and names as the console writes them. Pure; the present moment is a parameter.

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always", style: "narrow" });
const grouped = new Intl.NumberFormat("en");

/** How long ago, in the largest unit that fits: `3m ago`. */
export function ago(time: string, now: number): string {
  const seconds = Math.round((Date.parse(time) - now) / 1000);
  if (Number.isNaN(seconds)) return time;
  if (Math.abs(seconds) < 2) return "now";
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return "now";
}

/** A point in time to the second, in the reader's zone: `2026-11-24 07:03:12`. */
export function moment(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The time of day with milliseconds, for events that lie close together. */
export function clock(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return `${moment(time).slice(11)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** A count with its digits grouped. */
export const count = (value: number): string => grouped.format(value);

/** `1 alert`, `2 alerts`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** A size in the largest binary unit that leaves at least one before the point. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < units.length - 1) {
    left /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${left} B` : `${left.toFixed(left < 10 ? 1 : 0)} ${units[unit]}`;
}

/** The first twelve digits of a digest, which is how people compare them. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 12);

/** A word of the contract for people: `false_positive` becomes `False positive`. */
export function words(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** An image's reference in two parts: what tells it apart, and where it is from. */
export function imageName(reference: string): { name: string; from: string } {
  const cut = reference.lastIndexOf("/");
  return { name: reference.slice(cut + 1) || reference, from: cut > 0 ? reference.slice(0, cut) : "" };
}

/** An argument vector as a shell would need it, so that a copied line means the same. */
export function commandLine(args: readonly string[]): string {
  const plain = /^[\w@%+=:,./-]+$/;
  return args.map((arg) => (plain.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`)).join(" ");
}
