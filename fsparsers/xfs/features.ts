/** XFS's feature bits: their names, and which of them this parser supports. */

/** `sb_features_incompat`, with what each means for a map (fs/xfs/libxfs/xfs_format.h). */
export const incompat = {
  ftype: 1 << 0, // file types in directory entries
  spinodes: 1 << 1, // inode chunks with holes: the holes may be free or data
  metaUuid: 1 << 2, // headers carry sb_meta_uuid, not the user's UUID
  bigtime: 1 << 3, // timestamps past 2038
  needsrepair: 1 << 4, // xfs_repair must run before the next mount
  nrext64: 1 << 5, // 64-bit extent counters in inodes
  exchrange: 1 << 6, // file contents are exchanged by log intents
  parent: 1 << 7, // parent pointers in extended attributes
  metadir: 1 << 8, // metadata inodes in a directory of their own; realtime groups
  zoned: 1 << 9, // the realtime part is zoned, and may lie behind the data part
  zoneGaps: 1 << 10, // its zones have unwritable gaps
} as const;

/** `sb_features_ro_compat`: all of them add trees, none changes the free-space trees. */
export const roCompat = {
  finobt: 1 << 0,
  rmapbt: 1 << 1,
  reflink: 1 << 2,
  inobtcount: 1 << 3,
} as const;

/** `sb_features_log_incompat`: kinds of log item an older kernel cannot replay. */
export const logIncompat = {
  xattrs: 1 << 0,
} as const;

/** `sb_versionnum`. */
export const versionBits = {
  attr: 0x0010,
  nlink: 0x0020,
  quota: 0x0040,
  align: 0x0080,
  dalign: 0x0100,
  shared: 0x0200,
  logv2: 0x0400,
  sector: 0x0800,
  extflg: 0x1000,
  dirv2: 0x2000,
  asciiCi: 0x4000,
  morebits: 0x8000,
} as const;

/** `sb_features2`, valid with `versionBits.morebits`. */
export const features2Bits = {
  lazysbcount: 0x02,
  attr2: 0x08,
  projid32: 0x80,
  crc: 0x100,
  ftype: 0x200,
} as const;

type Bits = Readonly<Record<string, number>>;

/** Names of the set bits, in the table's order. */
export function namesOf(bits: Bits, word: number): string[] {
  return Object.entries(bits)
    .filter(([, bit]) => (word & bit) !== 0)
    .map(([name]) => name);
}

/** The set bits that the table does not know. */
export function unknownOf(bits: Bits, word: number): number {
  const known = Object.values(bits).reduce((sum, bit) => sum | bit, 0);
  return (word & ~known) >>> 0;
}
