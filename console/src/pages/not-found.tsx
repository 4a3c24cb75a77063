import { Link } from "@tanstack/react-router";
import { PageFrame } from "../ui/page";
import { Empty } from "../ui/parts";

export function NotFound() {
  return (
    <PageFrame title="There is no such page">
      <Empty title="The address names no page of this console">
        <p>
          It may be from a newer version. The <Link to="/">overview</Link> leads everywhere.
        </p>
      </Empty>
    </PageFrame>
  );
}
