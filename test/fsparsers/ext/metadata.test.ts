/** The metadata index against sets of blocks. */

import test from 'ava';
import fc from 'fast-check';
import { geometryOf } from '../../../fsparsers/ext/geometry.js';
import { MetadataIndex } from '../../../fsparsers/ext/metadata.js';
import { decodeSuperblock } from '../../../fsparsers/ext/superblock.js';
import { writeModel } from './model.js';

const group = { uninit: false, pattern: 0 };
const { image } = writeModel({
  blockBytes: 1024,
  blocksPerCluster: 1,
  clustersPerGroup: 64,
  groups: [group, group, group, group],
  missingBlocks: 0,
  inodesPerGroup: 16,
  reservedGdtBlocks: 0,
  wide: true,
  checksums: 'none',
  trailingBytes: 0,
});
const geometry = geometryOf(decodeSuperblock(image, 1024), image.length);
const { inodeTableBlocks } = geometry;

const kinds = ['superblock', 'block bitmap', 'inode bitmap', 'inode table'] as const;
const structures = fc.record({
  kind: fc.constantFrom(...kinds),
  start: fc.integer({ min: 1, max: 80 }),
  group: fc.nat(40),
});

test('extents, names and double claims are those of a set of blocks', (t) => {
  fc.assert(
    fc.property(
      fc.array(structures, { maxLength: 40 }),
      fc.nat(90),
      fc.nat(30),
      (all, at, length) => {
        const index = new MetadataIndex(geometry);
        const claims = new Map<number, { kind: string; group: number }[]>();
        for (const { kind, start, group: owner } of all) {
          const blocks = kind === 'inode table' ? inodeTableBlocks : 1;
          index.add(kind, start, blocks, owner);
          for (let block = start; block < start + blocks; block++) {
            claims.set(block, [...(claims.get(block) ?? []), { kind, group: owner }]);
          }
        }
        const doubted = new Set<number>();
        index.finish((owner) => doubted.add(owner));

        const twice = [...claims.values()].filter((list) => list.length > 1).flat();
        t.deepEqual(sorted(doubted), sorted(new Set(twice.map((claim) => claim.group))));

        const within = new Set<number>();
        for (const [start, end] of index.within(at, at + length)) {
          for (let block = start; block < end; block++) within.add(block);
        }
        const expected = [...claims.keys()].filter((block) => block >= at && block < at + length);
        t.deepEqual(sorted(within), sorted(new Set(expected)));

        const found = index.find(at);
        const there = claims.get(at) ?? [];
        t.is(found === null, there.length === 0);
        if (found !== null) t.true(there.some((claim) => sameClaim(claim, found)));
      },
    ),
    { numRuns: 2000 },
  );
});

function sorted(numbers: ReadonlySet<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function sameClaim(
  a: { kind: string; group: number },
  b: { kind: string; group: number },
): boolean {
  return a.kind === b.kind && a.group === b.group;
}

test('time does not grow with the square of the extents, however they overlap', (t) => {
  const index = new MetadataIndex(geometry);
  const groups = 200_000;
  for (let owner = 0; owner < groups; owner++)
    index.add('inode table', 1 + inodeTableBlocks * owner, inodeTableBlocks, owner);
  for (let owner = 0; owner < groups; owner++)
    index.add('block bitmap', 2 * groups - owner, 1, owner);
  let doubts = 0;
  index.finish(() => doubts++);
  t.true(doubts >= 2 * groups);
  let blocks = 0;
  // With a scan of all overlapping extents this would take minutes.
  for (let at = 0; at < 2 * groups; at += 2) {
    for (const [start, end] of index.within(at, at + 2)) blocks += end - start;
  }
  t.true(blocks >= 2 * groups);
});
