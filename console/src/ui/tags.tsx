/** Shows tags, or attributes, as small labels: the first few, and how many more there are. */
export function Tags({ tags, most = 50 }: { tags: Record<string, string>; most?: number }) {
  const all = Object.entries(tags);
  return (
    <div class="tags">
      {all.slice(0, most).map(([key, value]) => (
        <span key={key} class="tag" title={`${key} = ${value}`}>
          {value ? `${key} = ${value}` : key}
        </span>
      ))}
      {all.length > most && <span class="hint">and {all.length - most} more</span>}
    </div>
  );
}
