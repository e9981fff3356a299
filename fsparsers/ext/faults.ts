/** The faults of a group that make its whole range count as used, and their messages. */

import type { MapNote } from '../usedmap.js';

/** The message for each fault, in the order of the notes. */
const faults = {
  DESCRIPTOR_CHECKSUM: 'the checksum of the group descriptor does not match',
  METADATA_OUTSIDE: 'the group descriptor points outside the blocks it may use',
  METADATA_OVERLAP: 'two structures claim the same block',
  BITMAP_CHECKSUM: 'the checksum of the block bitmap does not match',
  FREE_COUNT: 'the free count of the group descriptor contradicts the block bitmap',
  METADATA_FREE: 'the block bitmap marks metadata as free',
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

  /** Adds the faults from another view of the same file system's groups. */
  merge(other: GroupFaults): void {
    const codesHere = this.#byGroup;
    for (const [group, code] of other.#byGroup.entries()) {
      if (codesHere[group] === 0) codesHere[group] = code;
    }
  }

  /** One note per kind of fault, regardless of the number of groups. */
  notes(): MapNote[] {
    const lists = codes.map(() => new GroupList());
    for (const [group, code] of this.#byGroup.entries()) {
      if (code !== 0) lists[code - 1]?.add(group);
    }
    return codes.flatMap((code, index) => {
      const groups = String(lists[index] ?? '');
      if (groups === '') return [];
      const message = `${faults[code]} in ${groups}; their whole range counts as used`;
      return [{ severity: 'warning', code, message }];
    });
  }
}

const shownRuns = 8;

/** Lists groups, added in order, in a line of limited length: "group 3", "groups 1, 4-9 and 12 more". */
class GroupList {
  readonly #runs: [first: number, last: number][] = [];
  #count = 0;
  #shown = 0;

  add(group: number): void {
    this.#count++;
    const run = this.#runs.at(-1);
    if (run?.[1] === group - 1) run[1] = group;
    else if (this.#runs.length < shownRuns) this.#runs.push([group, group]);
    else return;
    this.#shown++;
  }

  toString(): string {
    if (this.#count === 0) return '';
    const shown = this.#runs
      .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
      .join(', ');
    const rest = this.#count - this.#shown;
    return `${this.#count === 1 ? 'group' : 'groups'} ${shown}${rest > 0 ? ` and ${rest} more` : ''}`;
  }
}
