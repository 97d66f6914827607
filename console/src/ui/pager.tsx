import { formatNumber } from "../lib/text";
import { Button } from "./button";
import { Icon } from "./icon";
import { Empty } from "./notice";

/** How many entries a page of a list has: as many as the server gives at once. */
export const pageSize = 50;

interface PagerProps {
  /** Counted from 1. */
  page: number;
  shown: number;
  /** How many there are in all, if that is known. */
  total?: number;
  back: (() => void) | undefined;
  next: (() => void) | undefined;
}

/** Leafs through a list. There is none of it when the list has one page. */
export function Pager({ page, shown, total, back, next }: PagerProps) {
  if (!back && !next) return null;
  const first = (page - 1) * pageSize + 1;
  return (
    <nav class="table-foot" aria-label="Pages of the list">
      <span>
        {shown > 0 && `${formatNumber(first)}–${formatNumber(first + shown - 1)}`}
        {shown > 0 && total !== undefined && ` of ${formatNumber(total)}`}
      </span>
      <span class="row">
        <Button small icon="left" disabled={!back} onClick={back}>
          Previous
        </Button>
        <Button small disabled={!next} onClick={next}>
          Next
          <Icon name="right" />
        </Button>
      </span>
    </nav>
  );
}

/** Takes the place of a later page whose entries were deleted after the one before was read. */
export function EmptyPage({ restart }: { restart: () => void }) {
  return (
    <Empty icon="search" title="This page is empty now">
      <p>What would be on it has been deleted.</p>
      <Button onClick={restart}>Go to the first page</Button>
    </Empty>
  );
}
