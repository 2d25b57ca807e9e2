/** The known name with the fewest edits from `name`, or null when none is near enough to be a slip of the hand. */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const distance = slip(name, candidate);
    if (distance === null || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/**
 * How many edits `typed` is away from `meant`; null where that is no slip of the hand: more than one in up to four letters, where
 * two make "init" of "edit", more than two in up to eight, more than a third of a longer name.
 */
export function slip(typed: string, meant: string): number | null {
  const most = typed.length <= 4 ? 1 : Math.max(2, Math.floor(typed.length / 3));
  const distance = editDistance(typed.toLowerCase(), meant);
  return distance <= most ? distance : null;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const of = (numbers: readonly number[], j: number): number => numbers[j] ?? Infinity;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = of(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? of(beforePrevious, j - 2) + 1 : Infinity;
      row.push(Math.min(of(previous, j) + 1, of(row, j - 1) + 1, substitution, swap));
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? Infinity;
}
