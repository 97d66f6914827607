import { isException } from "../api/errors";
import type { IconName } from "./icon";
import { Empty, LoadFailure, Skeleton } from "./notice";

interface MissingProps {
  error: unknown;
  retry: () => void;
  icon: IconName;
  /** What is said of something that does not exist. */
  title: string;
  back: { label: string; href: string };
}

/** Takes the place of the page of something that is not there yet, or not at all. */
export function Missing({ error, retry, icon, title, back }: MissingProps) {
  return (
    <div class="page">
      {error === undefined ? (
        <Skeleton lines={6} />
      ) : isException(error, "ResourceNotFoundException") ? (
        <Empty icon={icon} title={title}>
          <p>It was deleted, or it is in another region or account.</p>
          <a href={back.href}>{back.label}</a>
        </Empty>
      ) : (
        <LoadFailure error={error} retry={retry} />
      )}
    </div>
  );
}
