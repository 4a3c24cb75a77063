// A page's filters live in its address.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export interface FilterState {
  /** The value of a filter; empty when it is not set. */
  value: (name: string) => string;
  /** Sets a filter; the empty value takes it out of the address. */
  set: (name: string, value: string) => void;
}

export function useFilters(): FilterState {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const set = useCallback(
    (name: string, value: string) =>
      void navigate({
        to: ".",
        search: (old: Record<string, string | undefined>) => ({ ...old, [name]: value || undefined }),
        replace: true,
      }),
    [navigate],
  );
  const value = useCallback((name: string) => search[name] ?? "", [search]);
  return { value, set };
}
