/** Pieces of a JSON list: `items` with commas between them. */
export function* commaSeparated<T>(
  items: Iterable<T>,
  write: (item: T) => string,
): Generator<string> {
  let comma = "";
  for (const item of items) {
    yield comma + write(item);
    comma = ",";
  }
}
