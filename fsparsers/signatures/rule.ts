/** The interface of a signature rule: where the magic number is, and the conditions around it. */

export type SignatureKind = 'filesystem' | 'container' | 'partition-table' | 'swap' | 'journal';

/** What a superblock tells about itself. */
export interface Details {
  /** More exact than the rule's own: "ext4". */
  readonly type?: string;
  readonly label?: string | null;
  readonly uuid?: string | null;
  /** The size that it claims. */
  readonly sizeBytes?: number;
  readonly lastMounted?: string | null;
  /** Why the magic number is wrong or outdated; null or absent if it is plausible. */
  readonly doubt?: string | null;
}

export interface Signature {
  /** As blkid names it: "ext4", "LVM2_member", "gpt". */
  readonly type: string;
  /** The parser's name, where there is one: "ext". */
  readonly family: string;
  readonly kind: SignatureKind;
  /** Where its structure begins. */
  readonly offsetBytes: number;
  /** The length of the identifying part. */
  readonly lengthBytes: number;
  readonly label: string | null;
  readonly uuid: string | null;
  readonly sizeBytes: number | null;
  readonly lastMounted: string | null;
  readonly doubt: string | null;
}

/** The device as a rule sees it: some pieces have been read already, others are read on demand. */
export interface View {
  readonly deviceBytes: number;
  /** The bytes; null if the range does not lie on the device. */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array | null>;
}

export interface Magic {
  /** From the structure's beginning. */
  readonly at: number;
  /** The bytes, one character each. */
  readonly bytes: string;
}

export interface SignatureRule {
  readonly type: string;
  readonly family: string;
  readonly kind: SignatureKind;
  /** Possible offsets of the structure, best first; those outside the device are skipped. */
  readonly places: readonly number[] | ((deviceBytes: number) => readonly number[]);
  /** Offsets of copies for repair tools; they do not tell what a volume is. */
  readonly copies?: readonly number[];
  /** Any of these makes it a candidate. */
  readonly magics: readonly Magic[];
  /** Bytes of the structure that `describe` gets. */
  readonly structureBytes: number;
  /** Describes it and decides whether it is plausible; null if the magic number was chance. */
  describe(bytes: Uint8Array, place: number, view: View): Details | null | Promise<Details | null>;
}

/** The first reason to doubt that holds, or null. */
export function firstDoubt(...doubts: (readonly [boolean, string])[]): string | null {
  return doubts.find(([holds]) => holds)?.[1] ?? null;
}

/** The doubt that a structure claims more bytes than there are. */
export function tooLarge(sizeBytes: number, deviceBytes: number): readonly [boolean, string] {
  return [
    !(sizeBytes <= deviceBytes),
    `it claims ${sizeBytes} bytes, the device has ${deviceBytes}`,
  ];
}

/** A text field up to its first NUL, without blanks at the end; null if nothing is left. */
export function text(bytes: Uint8Array): string | null {
  const end = bytes.indexOf(0);
  const decoded = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)).trimEnd();
  return decoded === '' ? null : decoded;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A UUID in the usual form, 8-4-4-4-12; null if it is all zero. */
export function uuid(bytes: Uint8Array): string | null {
  if (bytes.every((byte) => byte === 0)) return null;
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function isPowerOfTwo(value: number, low: number, high: number): boolean {
  return value >= low && value <= high && Number.isInteger(Math.log2(value));
}

/** A copy with `lengthBytes` at `at` set to zero: how a checksum field counts in its own sum. */
export function withZeroes(bytes: Uint8Array, at: number, lengthBytes: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.fill(0, at, at + lengthBytes);
  return copy;
}
