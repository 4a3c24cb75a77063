// Line icons of 16 by 16, drawn for this console. They are decoration: the word beside them says the same.
const PATHS = {
  overview: "M2 9h4V2H2zM8 14h6V7H8zM2 14h4v-3H2zM8 5h6V2H8z",
  incidents: "M8 2 1.5 13.5h13zM8 6.5v3.2M8 11.8v.2",
  alerts: "M4 7a4 4 0 0 1 8 0c0 3 1.5 4 1.5 4h-11S4 10 4 7zM6.8 13.5a1.3 1.3 0 0 0 2.4 0",
  images: "M8 1.8 14 5v6l-6 3.2L2 11V5zM2 5l6 3.2L14 5M8 8.2v6",
  workloads: "M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.1M4.5 11h.1",
  nodes: "M5 2h6v4H5zM2 11h4v3H2zM10 11h4v3h-4zM8 6v3M4 11V9h8v2",
  coverage: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3z",
  system: "M2 3h12v8H2zM6 14h4M8 11v3",
  copy: "M5 5h8v9H5zM11 5V2H3v9h2",
  plus: "M8 3v10M3 8h10",
  out: "M6 2H2.5v12H6M10.5 5l3 3-3 3M13 8H6",
  keys: "M1.5 4h13v8.5h-13zM4 7h.1M6.6 7h.1M9.2 7h.1M11.9 7h.1M5 10h6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" strokeWidth="1.35" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <path d="M5 14h9v5H5zM16 14h11v5H16zM5 21h5v5H5zM12 21h9v5h-9zM23 21h4v5h-4z" fill="currentColor" />
      <path d="M5 9c3-3 5 1 8-1s5-3 8-1 4 1 6 0" fill="none" stroke="#62c9d3" strokeWidth="2.4" strokeLinecap="round" />
    </svg>
  );
}
