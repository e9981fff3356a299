/**
 * Identifies a volume strictly: lists every signature, and decides only if exactly one is plausible. A
 * stale magic number under LVM, LUKS, MD or another file system must never decide which bytes are copied.
 */

import { standingOfImage } from './disk/image.js';
import { ParseError } from './errors.js';
import type { ByteReader } from './reader.js';
import { containerRules } from './signatures/containers.js';
import { linuxRules } from './signatures/linux.js';
import { microsoftRules } from './signatures/microsoft.js';
import { otherRules } from './signatures/others.js';
import { raidRules } from './signatures/raid.js';
import type { Details, Signature, SignatureRule, View } from './signatures/rule.js';
import { swapRules } from './signatures/swap.js';
import { tableRules, unprotected } from './signatures/tables.js';
import { DeviceView } from './signatures/view.js';

export type { Signature, SignatureKind } from './signatures/rule.js';

const rules: readonly SignatureRule[] = [
  ...linuxRules,
  ...microsoftRules,
  ...containerRules,
  ...raidRules,
  ...swapRules,
  ...tableRules,
  ...otherRules,
];

/**
 * Types that contain another type's signature by design: a boot sector ends like an MBR, a UDF disc is an
 * ISO too. The first one is what the volume is.
 */
const carries: Readonly<Record<string, readonly string[]>> = {
  ntfs: ['dos'],
  vfat: ['dos'],
  exfat: ['dos'],
  ReFS: ['dos'],
  BitLocker: ['dos'],
  gpt: ['dos'],
  udf: ['iso9660'],
};

/**
 * The types of disc images, and of the tables that a hybrid image has too, or a disk that was partitioned
 * later.
 */
const imageTypes: ReadonlySet<string> = new Set(['iso9660', 'udf']);
const tableTypes: ReadonlySet<string> = new Set(['gpt', 'dos']);
const partitionedSince =
  'it is older than the partition table, which does not list it: a remnant of an image';

/**
 * All signatures on the volume, plausible ones first. `doubt` is the reason against the others. Reads the
 * first and the last mebibyte, and little else. I/O errors come from the reader.
 */
export async function probe(reader: ByteReader): Promise<Signature[]> {
  const matches = await matchAll(reader);
  const picked = matches.flatMap(
    (places) => places.find(({ doubt }) => doubt === null) ?? places[0] ?? [],
  );
  const found = await decideImage(reader, picked);
  const doubtful = found.filter(({ doubt }) => doubt !== null);
  return [...withoutCarried(found), ...doubtful];
}

/**
 * Every plausible signature at every place, where probe() returns only one of each kind: all four labels
 * of ZFS, both copies of a GPT.
 */
export async function survey(reader: ByteReader): Promise<Signature[]> {
  return withoutCarried(await decideImage(reader, (await matchAll(reader)).flat()));
}

/** If there are a disc image and a partition table, decides which one counts. */
async function decideImage(reader: ByteReader, found: readonly Signature[]): Promise<Signature[]> {
  const isImage = ({ type, doubt }: Signature): boolean => doubt === null && imageTypes.has(type);
  const isTable = ({ type, doubt }: Signature): boolean => doubt === null && tableTypes.has(type);
  if (!found.some(isImage) || !found.some(isTable)) return [...found];
  const standing = await standingOfImage(reader);
  if (standing === 'image') return found.filter((signature) => !isTable(signature));
  if (standing === 'unclear') return [...found];
  return found.map((one) => (isImage(one) ? { ...one, doubt: partitionedSince } : one));
}

/** What each rule finds, place after place. */
async function matchAll(reader: ByteReader): Promise<Signature[][]> {
  const view = await DeviceView.open(reader);
  const found: Signature[][] = [];
  for (const rule of rules) found.push(await applyRule(rule, view));
  return found;
}

function withoutCarried(found: readonly Signature[]): Signature[] {
  const plausible = found.filter(({ doubt }) => doubt === null);
  const carried = new Set(plausible.flatMap(({ type }) => carries[type] ?? []));
  return plausible.filter(({ type }) => !carried.has(type));
}

/**
 * What the volume is. Rejects with ParseError: NOT_RECOGNISED if nothing is plausible, AMBIGUOUS if more
 * than one thing is; both list all signatures.
 */
export async function identify(reader: ByteReader): Promise<Signature> {
  return decide(await probe(reader));
}

/** identify()'s decision over signatures that probe() found before. */
export function decide(signatures: readonly Signature[]): Signature {
  const plausible = signatures.filter(({ doubt }) => doubt === null);
  const [only] = plausible;
  if (only !== undefined && plausible.length === 1) return only;
  const names = (list: readonly Signature[]) => list.map(describeSignature).join('; ');
  const place = { structure: 'volume', offsetBytes: 0 };
  if (plausible.length > 1) {
    throw new ParseError(
      'AMBIGUOUS',
      `more than one signature is plausible: ${names(plausible)}`,
      place,
    );
  }
  const rest = signatures.length > 0 ? `; found but not plausible: ${names(signatures)}` : '';
  const hint = signatures.some(({ doubt }) => doubt === unprotected) ? repairGpt : '';
  throw new ParseError('NOT_RECOGNISED', `no known file system${rest}${hint}`, place);
}

const repairGpt =
  '; sgdisk --move-second-header DISK writes a new protective MBR, gdisk can also restore a table from its backup, and --as disk uses the table as it is';

/** Describes a signature in one line: type, label, UUID, size, last mount point, offset and doubt. */
export function describeSignature(signature: Signature): string {
  const { type, label, uuid, sizeBytes, lastMounted, offsetBytes, doubt } = signature;
  const parts = [
    type,
    label === null ? '' : ` "${label}"`,
    uuid === null ? '' : `, UUID ${uuid}`,
    sizeBytes === null ? '' : `, ${sizeBytes} bytes`,
    lastMounted === null ? '' : `, last mounted on ${lastMounted}`,
    ` at byte ${offsetBytes}`,
    doubt === null ? '' : `, but ${doubt}`,
  ];
  return parts.join('');
}

/** A signature at one of the places where its rule looks, with the bytes that make it. */
export interface PlacedSignature {
  readonly signature: Signature;
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** Only repair tools read it there: it does not tell what the volume is. */
  readonly isCopy: boolean;
}

/**
 * Everything with a known magic number at any known place, plausible or not: also signatures that probe()
 * ignores because a better place has one, or because another signature covers them.
 */
export async function everySignature(reader: ByteReader): Promise<PlacedSignature[]> {
  const view = await DeviceView.open(reader);
  const found: PlacedSignature[] = [];
  for (const rule of rules) {
    const magicEnd = Math.max(...rule.magics.map(({ at, bytes }) => at + bytes.length));
    const lengthBytes = Math.max(rule.structureBytes, magicEnd);
    const places = placesOf(rule, view);
    for (const startBytes of new Set([...places, ...(rule.copies ?? [])])) {
      const signature = await matchAt(rule, startBytes, view);
      const isCopy = !places.includes(startBytes);
      if (signature !== null) found.push({ signature, startBytes, lengthBytes, isCopy });
    }
  }
  return found;
}

function placesOf({ places }: SignatureRule, { deviceBytes }: View): readonly number[] {
  return typeof places === 'function' ? places(deviceBytes) : places;
}

/** The rule's matches, best place first. */
async function applyRule(rule: SignatureRule, view: View): Promise<Signature[]> {
  const places = placesOf(rule, view);
  const found: Signature[] = [];
  for (const place of new Set(places)) {
    const signature = await matchAt(rule, place, view);
    if (signature !== null) found.push(signature);
  }
  return found;
}

async function matchAt(rule: SignatureRule, place: number, view: View): Promise<Signature | null> {
  if (!(await hasMagic(rule, place, view))) return null;
  const bytes = await view.read(place, rule.structureBytes);
  if (bytes === null) return null;
  const details = await rule.describe(bytes, place, view);
  return details === null ? null : toSignature(rule, place, details);
}

async function hasMagic(rule: SignatureRule, place: number, view: View): Promise<boolean> {
  for (const { at, bytes } of rule.magics) {
    const there = await view.read(place + at, bytes.length);
    if (there?.every((byte, index) => byte === bytes.charCodeAt(index)) === true) return true;
  }
  return false;
}

function toSignature(rule: SignatureRule, offsetBytes: number, details: Details): Signature {
  return {
    type: details.type ?? rule.type,
    family: rule.family,
    kind: details.type === 'jbd' ? 'journal' : rule.kind,
    offsetBytes,
    lengthBytes: rule.structureBytes,
    label: details.label ?? null,
    uuid: details.uuid ?? null,
    sizeBytes: details.sizeBytes ?? null,
    lastMounted: details.lastMounted ?? null,
    doubt: details.doubt ?? null,
  };
}
