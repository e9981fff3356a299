/**
 * The feature bits of an ext2/3/4 superblock and their names, as dumpe2fs prints them.
 *
 * Sources: Linux fs/ext4/ext4.h (EXT4_FEATURE_*), e2fsprogs lib/ext2fs/ext2_fs.h (those that never
 * reached the kernel).
 */

export type FeatureSet = 'compat' | 'incompat' | 'roCompat';

/** The three words of the superblock that hold the feature bits. */
export interface FeatureWords {
  readonly featureCompat: number;
  readonly featureIncompat: number;
  readonly featureRoCompat: number;
}

/** Bit number to name, in the three words of the superblock. */
const names = {
  compat: {
    0: 'dir_prealloc',
    1: 'imagic_inodes',
    2: 'has_journal',
    3: 'ext_attr',
    4: 'resize_inode',
    5: 'dir_index',
    6: 'lazy_bg',
    8: 'snapshot_bitmap',
    9: 'sparse_super2',
    10: 'fast_commit',
    11: 'stable_inodes',
    12: 'orphan_file',
  },
  incompat: {
    0: 'compression',
    1: 'filetype',
    2: 'needs_recovery',
    3: 'journal_dev',
    4: 'meta_bg',
    6: 'extent',
    7: '64bit',
    8: 'mmp',
    9: 'flex_bg',
    10: 'ea_inode',
    12: 'dirdata',
    13: 'metadata_csum_seed',
    14: 'large_dir',
    15: 'inline_data',
    16: 'encrypt',
    17: 'casefold',
  },
  roCompat: {
    0: 'sparse_super',
    1: 'large_file',
    2: 'btree_dir',
    3: 'huge_file',
    4: 'uninit_bg',
    5: 'dir_nlink',
    6: 'extra_isize',
    7: 'snapshot',
    8: 'quota',
    9: 'bigalloc',
    10: 'metadata_csum',
    11: 'replica',
    12: 'read-only',
    13: 'project',
    14: 'shared_blocks',
    15: 'verity',
    16: 'orphan_present',
  },
} as const satisfies Record<FeatureSet, Record<number, string>>;

type NameIn<S extends FeatureSet> = (typeof names)[S][keyof (typeof names)[S]];
export type FeatureName = NameIn<'compat'> | NameIn<'incompat'> | NameIn<'roCompat'>;

/**
 * Names of unknown features, and of those without support here, that change the layout or the meaning of
 * a bitmap. Compression and replica have names but no reader. A read-only-compatible feature may change
 * the meaning of the bitmaps (bigalloc does), so an unknown one counts like an incompatible one.
 */
const unreadable: ReadonlySet<string> = new Set(['compression', 'replica']);

const prefixes: Readonly<Record<FeatureSet, string>> = {
  compat: 'FEATURE_C',
  incompat: 'FEATURE_I',
  roCompat: 'FEATURE_R',
};

function namesIn(set: FeatureSet, word: number): string[] {
  const known: Readonly<Record<number, string>> = names[set];
  const found: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if (((word >>> bit) & 1) === 1) found.push(known[bit] ?? `${prefixes[set]}${bit}`);
  }
  return found;
}

/** The names of all features that are set, in the order dumpe2fs prints them. */
export function featureNames(words: FeatureWords): string[] {
  return [
    ...namesIn('compat', words.featureCompat),
    ...namesIn('incompat', words.featureIncompat),
    ...namesIn('roCompat', words.featureRoCompat),
  ];
}

/** The features among `features` with which a bitmap cannot be interpreted here. */
export function unreadableFeatures(features: readonly string[]): string[] {
  return features.filter(
    (name) => unreadable.has(name) || name.startsWith('FEATURE_I') || name.startsWith('FEATURE_R'),
  );
}

/**
 * The features that a kernel's ext3 driver supports besides the journal: blkid uses them to distinguish
 * ext3 from ext4.
 */
const ext3Understands: ReadonlySet<string> = new Set<FeatureName>([
  'filetype',
  'needs_recovery',
  'meta_bg',
  'sparse_super',
  'large_file',
  'btree_dir',
]);

/**
 * The type as blkid names it (util-linux libblkid/src/superblocks/ext.c): `jbd` for a journal
 * device, ext4 where an incompatible or read-only-compatible feature is beyond ext3, else by whether
 * there is a journal.
 */
export function typeName(words: FeatureWords): 'ext2' | 'ext3' | 'ext4' | 'jbd' {
  const deciding = [
    ...namesIn('incompat', words.featureIncompat),
    ...namesIn('roCompat', words.featureRoCompat),
  ];
  if (deciding.includes('journal_dev')) return 'jbd';
  if (deciding.some((name) => !ext3Understands.has(name))) return 'ext4';
  return namesIn('compat', words.featureCompat).includes('has_journal') ? 'ext3' : 'ext2';
}
