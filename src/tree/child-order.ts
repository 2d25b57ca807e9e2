import type { Child } from '../storage/index.ts';

/** In the order of paths: a row, then the folder of the same name. */
export function isBehind(child: Child, last: Child): boolean {
  return sortKey(child) > sortKey(last);
}

export function sortKey({ segment, folder }: Child = { segment: '', folder: false }): string {
  return folder ? `${segment}/` : segment;
}
