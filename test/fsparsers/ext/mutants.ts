/** Damages ext images in memory, and repairs their checksums, so that the damage is really reached. */

import { crc32c } from '../../../fsparsers/checksum.js';
import { decodeDescriptor, descriptorChecksum } from '../../../fsparsers/ext/descriptors.js';
import { descriptorBlockLocation } from '../../../fsparsers/ext/descriptors.js';
import { geometryOf } from '../../../fsparsers/ext/geometry.js';
import type { ExtGeometry } from '../../../fsparsers/ext/geometry.js';
import {
  decodeSuperblock,
  superblockChecksum,
  superblockLayout,
} from '../../../fsparsers/ext/superblock.js';
import type { Random } from '../../support/random.js';

const superblockAt = 1024;

/** A sound image with what a mutation needs to know of it. */
export interface Subject {
  readonly bytes: Buffer;
  readonly geometry: ExtGeometry;
  /** Bytes at which structures begin: where cuts and random damage hit best. */
  readonly places: readonly number[];
}

export function subjectOf(bytes: Buffer): Subject {
  const superblock = decodeSuperblock(bytes, superblockAt);
  const geometry = geometryOf(superblock, bytes.length);
  const places = [superblockAt];
  for (let group = 0; group < geometry.groupsCount; group++) {
    const at = descriptorAt(geometry, group);
    const { blockBitmap, inodeBitmap, inodeTable } = decodeDescriptor(geometry, group, bytes, at);
    const blocks = [blockBitmap, inodeBitmap, inodeTable];
    places.push(at, ...blocks.map((block) => block * geometry.blockBytes));
  }
  return { bytes, geometry, places };
}

/** A damaged copy, and what was done to it. */
export function mutantOf(subject: Subject, random: Random): { bytes: Buffer; story: string } {
  let bytes = Buffer.from(subject.bytes);
  const story: string[] = [];
  for (let nth = random.between(0, 3); nth >= 0; nth--) {
    const mutate = random.pick(mutations);
    story.push(mutate(bytes, subject, random));
  }
  if (random.next() < 0.05) {
    const cut = random.pick(subject.places) + random.pick([0, 1, 16, 512, 1024]);
    bytes = bytes.subarray(0, cut);
    story.push(`cut at ${cut}`);
  }
  return { bytes, story: story.join('; ') };
}

type Mutation = (bytes: Buffer, subject: Subject, random: Random) => string;

const mutations: readonly Mutation[] = [
  superblockField,
  superblockField,
  descriptorField,
  descriptorField,
  bitmapBits,
  bitmapBits,
  damage,
  swappedDescriptors,
];

function superblockField(bytes: Buffer, _subject: Subject, random: Random): string {
  const [name, [at, type]] = random.pick(Object.entries(superblockLayout.fields));
  const width = { u8: 1, i8: 1, u16: 2, u32: 4, i32: 4, u64: 8 }[type as string] ?? 4;
  const place = superblockAt + at;
  const value = setNumber(bytes, place, Math.min(width, 4), random);
  const sealed = random.next() < 0.9;
  if (sealed) sealSuperblock(bytes);
  return `superblock ${name} = ${value}${sealed ? ', sealed' : ''}`;
}

function descriptorField(bytes: Buffer, { geometry }: Subject, random: Random): string {
  const group = random.between(0, geometry.groupsCount);
  const at = descriptorAt(geometry, group);
  const field = random.between(0, geometry.descriptorBytes / 4) * 4;
  const width = random.pick([2, 4]);
  const value = setNumber(bytes, at + field, width, random);
  const sealed = random.next() < 0.9;
  if (sealed) sealDescriptor(bytes, geometry, group);
  return `descriptor ${group} byte ${field} = ${value}${sealed ? ', sealed' : ''}`;
}

/** Sets or clears a run of a bitmap's bits, and makes count and checksums agree with it again. */
function bitmapBits(bytes: Buffer, { geometry }: Subject, random: Random): string {
  const group = random.between(0, geometry.groupsCount);
  const at = descriptorAt(geometry, group);
  const { blockBitmap } = decodeDescriptor(geometry, group, bytes, at);
  const bitmapAt = blockBitmap * geometry.blockBytes;
  if (bitmapAt + geometry.blockBytes > bytes.length) return 'bitmap off the device';
  const first = random.between(0, geometry.clustersPerGroup);
  const count = random.pick([1, 8, 100, 1000]);
  const isSet = random.next() < 0.3;
  for (let bit = first; bit < Math.min(first + count, geometry.clustersPerGroup); bit++) {
    const byte = bitmapAt + (bit >>> 3);
    const mask = 1 << (bit & 7);
    bytes[byte] = isSet ? (bytes[byte] ?? 0) | mask : (bytes[byte] ?? 0) & ~mask;
  }
  const sealed = random.next() < 0.8;
  if (sealed) sealBitmap(bytes, geometry, group, bitmapAt);
  return `bitmap ${group} bits ${first} + ${count} = ${isSet}${sealed ? ', sealed' : ''}`;
}

/** Garbage or zeros over some structure, nothing repaired. */
function damage(bytes: Buffer, { places }: Subject, random: Random): string {
  const at = random.pick(places) + random.between(0, 1024);
  const length = random.pick([1, 4, 512, 1024]);
  const content = random.next() < 0.5 ? Buffer.alloc(length) : random.bytes(length);
  content.copy(bytes, Math.min(at, bytes.length - length));
  return `damage at ${at} + ${length}`;
}

/** Two groups share one's bitmap, or another's whole descriptor. */
function swappedDescriptors(bytes: Buffer, { geometry }: Subject, random: Random): string {
  const from = random.between(0, geometry.groupsCount);
  const to = random.between(0, geometry.groupsCount);
  const length = random.pick([4, 12, 20]);
  bytes.copy(
    bytes,
    descriptorAt(geometry, to),
    descriptorAt(geometry, from),
    descriptorAt(geometry, from) + length,
  );
  sealDescriptor(bytes, geometry, to);
  return `descriptor ${to} has ${length} bytes of ${from}`;
}

function setNumber(bytes: Buffer, at: number, width: number, random: Random): number {
  const most = 2 ** (8 * width) - 1;
  const old = bytes.readUIntLE(at, width);
  const value = random.pick([
    0,
    1,
    most,
    most - 1,
    2 ** (8 * width - 1),
    old + 1,
    old - 1,
    old * 2,
    Math.floor(old / 2),
    old ^ (1 << random.between(0, 8 * width - 1)),
    random.between(0, 64),
    random.between(0, 20_000),
    random.between(0, most),
  ]);
  const wrapped = ((value % (most + 1)) + most + 1) % (most + 1);
  bytes.writeUIntLE(wrapped, at, width);
  return wrapped;
}

export function sealSuperblock(bytes: Buffer): void {
  const sum = superblockChecksum(bytes.subarray(superblockAt, superblockAt + 1024));
  bytes.writeUInt32LE(sum, superblockAt + 0x3fc);
}

function descriptorAt(geometry: ExtGeometry, group: number): number {
  const { descriptorsPerBlock, descriptorBytes, blockBytes } = geometry;
  const block = descriptorBlockLocation(geometry, Math.floor(group / descriptorsPerBlock));
  return block * blockBytes + (group % descriptorsPerBlock) * descriptorBytes;
}

export function sealDescriptor(bytes: Buffer, geometry: ExtGeometry, group: number): void {
  const at = descriptorAt(geometry, group);
  const descriptor = bytes.subarray(at, at + geometry.descriptorBytes);
  descriptor.writeUInt16LE(descriptorChecksum(geometry, group, descriptor), 0x1e);
}

function sealBitmap(bytes: Buffer, geometry: ExtGeometry, group: number, bitmapAt: number): void {
  const at = descriptorAt(geometry, group);
  const groupFirst = geometry.firstDataBlock + group * geometry.blocksPerGroup;
  const blocks = Math.min(geometry.blocksPerGroup, geometry.blocksCount - groupFirst);
  let free = 0;
  for (let bit = 0; bit < Math.ceil(blocks / geometry.blocksPerCluster); bit++) {
    if ((((bytes[bitmapAt + (bit >>> 3)] ?? 0) >>> (bit & 7)) & 1) === 0) free++;
  }
  bytes.writeUInt16LE(free & 0xffff, at + 0x0c);
  const covered = bytes.subarray(bitmapAt, bitmapAt + geometry.clustersPerGroup / 8);
  const sum = crc32c(geometry.checksumSeed, covered);
  bytes.writeUInt16LE(sum & 0xffff, at + 0x18);
  if (geometry.has('64bit')) bytes.writeUInt16LE(sum >>> 16, at + 0x38);
  sealDescriptor(bytes, geometry, group);
}
