/** Checksums that more than one file system uses. */

/** CRC-32C: the polynomial of Castagnoli, reflected. */
const crc32cTables = makeTables(0x82f63b78);
/** CRC-32 of IEEE 802.3, reflected. */
const crc32Tables = makeTables(0xedb88320);

/** Tables for eight bytes a step ("slicing by 8"). */
function makeTables(polynomial: number): Uint32Array[] {
  const first = new Uint32Array(256).map((_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
  const tables = [first];
  for (let slice = 1; slice < 8; slice++) {
    const previous = tables[slice - 1] ?? first;
    tables.push(previous.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] ?? 0)));
  }
  return tables;
}

/**
 * CRC-32C of `bytes`, going on from `seed`, without the final inversion: ext4's and XFS's way. The
 * usual CRC-32C of a message is `~crc32c(0xffffffff, message)`.
 */
export function crc32c(seed: number, bytes: Uint8Array): number {
  return update(crc32cTables, seed, bytes);
}

/** The usual CRC-32 of a whole message, inversions included: zlib's crc32() and GPT's. */
export function crc32(bytes: Uint8Array): number {
  return ~update(crc32Tables, 0xffffffff, bytes) >>> 0;
}

function update(tables: Uint32Array[], seed: number, bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = seed >>> 0;
  let at = 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const last = bytes.length - 8; at <= last; at += 8) {
    const low = crc ^ view.getUint32(at, true);
    const high = view.getUint32(at + 4, true);
    crc =
      (t7[low & 0xff] as number) ^
      (t6[(low >>> 8) & 0xff] as number) ^
      (t5[(low >>> 16) & 0xff] as number) ^
      (t4[low >>> 24] as number) ^
      (t3[high & 0xff] as number) ^
      (t2[(high >>> 8) & 0xff] as number) ^
      (t1[(high >>> 16) & 0xff] as number) ^
      (t0[high >>> 24] as number);
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return crc >>> 0;
}

const crc16Table = new Uint16Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/**
 * CRC-16 (ANSI, reflected 0xA001) of `bytes`, going on from `seed`, without a final inversion: what
 * ext4's uninit_bg uses (Linux lib/crc16.c).
 */
export function crc16(seed: number, bytes: Uint8Array): number {
  let crc = seed & 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crc16Table[(crc ^ byte) & 0xff] as number);
  return crc;
}

/** CRC-32 going on from `seed`, without any inversion: LVM2's and NILFS2's way. */
export function crc32Raw(seed: number, bytes: Uint8Array): number {
  return update(crc32Tables, seed, bytes);
}
