// A list of the hub as a table: pages are fetched as the reader scrolls, and only the rows on the screen are drawn.
import { type InfiniteData, type UseInfiniteQueryResult } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from "react";
import type { Page } from "../api/types";
import { count } from "../lib/format";
import { Failure, Loading } from "./parts";

export interface Column<Row> {
  /** Its heading. */
  name: string;
  /** A width class; without one the column shares what is left. */
  width?: string;
  right?: boolean;
  cell: (row: Row) => ReactNode;
}

interface Props<Row> {
  /** What the rows are, plural: `alerts`. */
  what: string;
  columns: Column<Row>[];
  result: UseInfiniteQueryResult<InfiniteData<Page<Row>>>;
  rowKey: (row: Row) => string;
  /** Shown when there is no row: it must say what that does and does not mean. */
  empty: ReactNode;
  /** Height of a row before it is measured, in pixels. */
  rowHeight?: number;
}

/** Rows drawn beyond the visible ones, so that a fast scroll shows no holes. */
const OVERSCAN = 12;

/** j and k, or the arrows, move between the first links of rows. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (step === undefined || event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("tr.row td a, tr.row td button")].filter(
    (link) => link === link.closest("tr")?.querySelector("td a, td button"),
  );
  const row = document.activeElement?.closest("tr");
  const at = links.findIndex((link) => link.closest("tr") === row);
  const next = links[at < 0 ? 0 : at + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

export function DataTable<Row>({ what, columns, result, rowKey, empty, rowHeight = 46 }: Props<Row>) {
  const scroll = useRef<HTMLDivElement>(null);
  const rows = result.data?.pages.flatMap((page) => page.items) ?? [];
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowKey(row);
    },
  });
  const drawn = virtual.getVirtualItems();
  const last = drawn.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = result;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= rows.length - OVERSCAN) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, rows.length]);

  if (result.isPending) return <Loading what={what} />;
  if (result.isError && rows.length === 0) return <Failure error={result.error} retry={() => void result.refetch()} />;
  if (rows.length === 0) return <>{empty}</>;
  const above = drawn[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (drawn.at(-1)?.end ?? 0);
  return (
    <>
      <div className="table-scroll" ref={scroll} tabIndex={0} role="region" aria-label={`Table of ${what}`} onKeyDown={moveFocus}>
        <table className="table" aria-rowcount={hasNextPage ? -1 : rows.length + 1}>
          <colgroup>
            {columns.map((column) => (
              <col key={column.name} className={column.width} />
            ))}
          </colgroup>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.name} scope="col" className={column.right ? "right" : undefined}>
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {above > 0 ? <Spacer height={above} columns={columns.length} /> : null}
            {drawn.map((item) => {
              const row = rows[item.index];
              return row === undefined ? null : (
                <tr key={item.key} className="row" data-index={item.index} ref={virtual.measureElement} aria-rowindex={item.index + 2}>
                  {columns.map((column) => (
                    <td key={column.name} className={column.right ? "right" : undefined}>
                      {column.cell(row)}
                    </td>
                  ))}
                </tr>
              );
            })}
            {below > 0 ? <Spacer height={below} columns={columns.length} /> : null}
          </tbody>
        </table>
      </div>
      <p className="table-foot" role="status">
        {count(rows.length)}
        {hasNextPage ? "+" : ""} {what}
        {isFetchingNextPage ? " · loading more…" : ""}
        {result.isError ? ` · not refreshed: ${result.error.message}` : ""}
      </p>
    </>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  return (
    <tr className="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

/** Two lines of a cell: the thing, and where it is. */
export function Two({ first, second }: { first: ReactNode; second?: ReactNode }) {
  return (
    <>
      <div className="first">{first}</div>
      {second ? <div className="second">{second}</div> : null}
    </>
  );
}
