/**
 * What lies on a volume, told strictly: every signature that there is, and a decision only where
 * exactly one is plausible. A stale magic number under LVM, LUKS, MD or another file system must never
 * decide which bytes are copied.
 */

import { ParseError } from './errors.js';
import type { ByteReader } from './reader.js';
import { containerRules } from './signatures/containers.js';
import { linuxRules } from './signatures/linux.js';
import { microsoftRules } from './signatures/microsoft.js';
import { otherRules } from './signatures/others.js';
import { raidRules } from './signatures/raid.js';
import type { Details, Signature, SignatureRule, View } from './signatures/rule.js';
import { swapRules } from './signatures/swap.js';
import { tableRules } from './signatures/tables.js';
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
 * Types that carry another's signature by their own design: a boot sector ends as an MBR does, a
 * hybrid image is a CD and a disk at once. The first one is what the volume is.
 */
const carries: Readonly<Record<string, readonly string[]>> = {
  ntfs: ['dos'],
  vfat: ['dos'],
  exfat: ['dos'],
  ReFS: ['dos'],
  BitLocker: ['dos'],
  gpt: ['dos'],
  iso9660: ['gpt', 'dos'],
  udf: ['iso9660', 'gpt', 'dos'],
};

/**
 * All signatures on the volume, plausible ones first. `doubt` says what is wrong with the others. Reads
 * the first and the last mebibyte, and little else. I/O errors are the reader's.
 */
export async function probe(reader: ByteReader): Promise<Signature[]> {
  const view = await DeviceView.open(reader);
  const found: Signature[] = [];
  for (const rule of rules) {
    const signature = await applyRule(rule, view);
    if (signature !== null) found.push(signature);
  }
  const plausible = found.filter(({ doubt }) => doubt === null);
  const carried = new Set(plausible.flatMap(({ type }) => carries[type] ?? []));
  const doubtful = found.filter(({ doubt }) => doubt !== null);
  return [...plausible.filter(({ type }) => !carried.has(type)), ...doubtful];
}

/**
 * The one thing that the volume is. Rejects with ParseError: NOT_RECOGNISED if nothing is plausible,
 * AMBIGUOUS if more than one thing is; both name all that was found.
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
  throw new ParseError('NOT_RECOGNISED', `no known file system${rest}`, place);
}

/** A signature in one line: type, label, UUID, size, where last mounted, place and doubt. */
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

/** The rule's best match: the first plausible place, else the first doubtful one. */
async function applyRule(rule: SignatureRule, view: View): Promise<Signature | null> {
  const places = typeof rule.places === 'function' ? rule.places(view.deviceBytes) : rule.places;
  let doubtful: Signature | null = null;
  for (const place of places) {
    const signature = await matchAt(rule, place, view);
    if (signature?.doubt === null) return signature;
    doubtful ??= signature;
  }
  return doubtful;
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
    label: details.label ?? null,
    uuid: details.uuid ?? null,
    sizeBytes: details.sizeBytes ?? null,
    lastMounted: details.lastMounted ?? null,
    doubt: details.doubt ?? null,
  };
}
