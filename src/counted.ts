/** How many of what: "1 mount", "2 mounts", "0 failures". @param one the word for a single one, which an "s" makes several of */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}
