/** Checksums that more than one file system uses. */

/** CRC-32C: the polynomial of Castagnoli, reflected. */
const crc32cTables = makeTables(0x82f63b78);
/** CRC-32 of IEEE 802.3, reflected. */
const crc32Tables = makeTables(0xedb88320);

/** Eight tables of 256, one behind the other, for eight bytes a step ("slicing by 8"). */
function makeTables(polynomial: number): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const crc = tables[at - 256] as number;
    tables[at] = (crc >>> 8) ^ (tables[crc & 0xff] as number);
  }
  return tables;
}

/**
 * CRC-32C of `bytes` (from `from` to `to`), continued from `seed`, without the final inversion, as ext4
 * and XFS use it. The usual CRC-32C of a message is `~crc32c(0xffffffff, message)`.
 */
export function crc32c(seed: number, bytes: Uint8Array, from = 0, to = bytes.length): number {
  return update(crc32cTables, seed, bytes, from, to);
}

/** The same of a number of 32 bits, little endian. */
export function crc32cOfNumber(seed: number, value: number): number {
  let crc = (seed ^ value) >>> 0;
  for (let byte = 0; byte < 4; byte++) {
    crc = (crc >>> 8) ^ (crc32cTables[crc & 0xff] as number);
  }
  return crc >>> 0;
}

/** The usual CRC-32 of a whole message, inversions included: zlib's crc32() and GPT's. */
export function crc32(bytes: Uint8Array): number {
  return ~update(crc32Tables, 0xffffffff, bytes, 0, bytes.length) >>> 0;
}

function update(
  tables: Uint32Array,
  seed: number,
  bytes: Uint8Array,
  from: number,
  to: number,
): number {
  let crc = seed >>> 0;
  let at = from;
  for (const last = to - 8; at <= last; at += 8) {
    // Byte by byte: for a few bytes this is faster than making a view.
    crc =
      (tables[0x700 | ((crc ^ (bytes[at] as number)) & 0xff)] as number) ^
      (tables[0x600 | (((crc >>> 8) ^ (bytes[at + 1] as number)) & 0xff)] as number) ^
      (tables[0x500 | (((crc >>> 16) ^ (bytes[at + 2] as number)) & 0xff)] as number) ^
      (tables[0x400 | ((crc >>> 24) ^ (bytes[at + 3] as number))] as number) ^
      (tables[0x300 | (bytes[at + 4] as number)] as number) ^
      (tables[0x200 | (bytes[at + 5] as number)] as number) ^
      (tables[0x100 | (bytes[at + 6] as number)] as number) ^
      (tables[bytes[at + 7] as number] as number);
  }
  for (; at < to; at++) {
    crc = (crc >>> 8) ^ (tables[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return crc >>> 0;
}

const crc16Table = new Uint16Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/**
 * CRC-16 (ANSI, reflected 0xA001) of `bytes`, continued from `seed`, without a final inversion, as ext4's
 * uninit_bg uses it (Linux lib/crc16.c).
 */
export function crc16(seed: number, bytes: Uint8Array): number {
  let crc = seed & 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crc16Table[(crc ^ byte) & 0xff] as number);
  return crc;
}

/** CRC-32 continued from `seed`, without any inversion, as LVM2 and NILFS2 use it. */
export function crc32Raw(seed: number, bytes: Uint8Array): number {
  return update(crc32Tables, seed, bytes, 0, bytes.length);
}
