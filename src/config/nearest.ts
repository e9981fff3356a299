/** Finds the name that the user probably meant. */

/** The nearest of `names`, or null if none is near. Ignores case, blanks, - and _. */
export function nearest(word: string, names: readonly string[]): string | null {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[-_\s]/g, '');
  const wanted = plain(word).slice(0, 64);
  const ranked = names
    .map((name) => ({ name, slips: slipsBetween(wanted, plain(name)) }))
    .sort((a, b) => a.slips - b.slips);
  const [best] = ranked;
  const most = Math.max(1, Math.floor(wanted.length / 3));
  return best !== undefined && best.slips <= most ? best.name : null;
}

/** The Levenshtein distance: letters to add, remove or change. */
function slipsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const changed = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
