/** What can be wrong with a group, so that its whole range must be taken for used, and how to say so. */

import type { MapNote } from '../usedmap.js';

/** Fault to what is said of the groups that have it. The order is that of the notes. */
const faults = {
  DESCRIPTOR_CHECKSUM: 'the checksum of the group descriptor does not match',
  METADATA_OUTSIDE: 'the group descriptor points outside the blocks it may use',
  METADATA_OVERLAP: 'two structures claim the same block',
  BITMAP_CHECKSUM: 'the checksum of the block bitmap does not match',
  FREE_COUNT: 'the free count of the group descriptor contradicts the block bitmap',
  METADATA_FREE: 'the block bitmap calls metadata free',
} as const;

export type Fault = keyof typeof faults;

const codes = Object.keys(faults) as Fault[];

/** The first fault found of each group; a byte a group. */
export class GroupFaults {
  readonly #byGroup: Uint8Array;

  constructor(groupsCount: number) {
    this.#byGroup = new Uint8Array(groupsCount);
  }

  has(group: number): boolean {
    return this.#byGroup[group] !== 0;
  }

  add(group: number, fault: Fault): void {
    if (this.#byGroup[group] === 0) this.#byGroup[group] = codes.indexOf(fault) + 1;
  }

  /** Takes over the faults of the same file system's groups as read another time. */
  merge(other: GroupFaults): void {
    const codesHere = this.#byGroup;
    for (const [group, code] of other.#byGroup.entries()) {
      if (codesHere[group] === 0) codesHere[group] = code;
    }
  }

  /** One note a kind of fault, however many groups have it. */
  notes(): MapNote[] {
    const groups: number[][] = codes.map(() => []);
    for (const [group, code] of this.#byGroup.entries()) {
      if (code !== 0) groups[code - 1]?.push(group);
    }
    return codes.flatMap((code, index) => {
      const found = groups[index] ?? [];
      if (found.length === 0) return [];
      const message = `${faults[code]} in ${groupList(found)}: taken for used as a whole`;
      return [{ severity: 'warning', code, message }];
    });
  }
}

/** "group 3", "groups 1, 4-9 and 12 more". */
function groupList(groups: readonly number[]): string {
  const shownRuns = 8;
  const runs: [first: number, last: number][] = [];
  for (const group of groups) {
    const run = runs.at(-1);
    if (run?.[1] === group - 1) run[1] = group;
    else runs.push([group, group]);
  }
  const shown = runs
    .slice(0, shownRuns)
    .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
    .join(', ');
  const rest = runs.slice(shownRuns).reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const more = rest > 0 ? ` and ${rest} more` : '';
  return `${groups.length === 1 ? 'group' : 'groups'} ${shown}${more}`;
}
