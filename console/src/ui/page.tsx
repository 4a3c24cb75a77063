// A page: its title, what one can do on it, its content.
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";

interface Props {
  title: string;
  /** Beside the title: tags. */
  beside?: ReactNode;
  /** Under the title, in one line. */
  sub?: ReactNode;
  /** Where the page belongs. */
  up?: { to: string; name: string };
  actions?: ReactNode;
  /** The content takes the window's height and scrolls inside. */
  fills?: boolean;
  children: ReactNode;
}

export function PageFrame({ title, beside, sub, up, actions, fills, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Seawall`;
  }, [title]);
  return (
    <div className={fills ? "page-inner fills" : "page-inner"}>
      <div className="page-head">
        <div className="titles">
          {up ? (
            <nav className="crumbs" aria-label="Breadcrumb">
              <Link to={up.to}>{up.name}</Link>
            </nav>
          ) : null}
          <div className="line">
            <h1>{title}</h1>
            {beside}
          </div>
          {sub ? <div className="muted">{sub}</div> : null}
        </div>
        {actions ? <div className="actions">{actions}</div> : null}
      </div>
      {children}
    </div>
  );
}
