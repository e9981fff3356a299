/** MD superblocks of format 1 and 0.90, for kernels without MD. */

/** Laid out by hand (md_p.h); blkid and mdadm judge it. */
export function mdSuperblock1(sector: number): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.writeUInt32LE(0xa92b4efc, 0);
  bytes.writeUInt32LE(1, 4);
  bytes.write('0123456789abcdef', 16, 'latin1');
  bytes.write('host:7', 32, 'latin1');
  bytes.writeUInt32LE(1, 72); // level
  bytes.writeBigUInt64LE(8192n, 80); // sectors used
  bytes.writeUInt32LE(2, 92); // disks
  bytes.writeBigUInt64LE(2048n, 128); // data offset
  bytes.writeBigUInt64LE(8192n, 136); // data size
  bytes.writeBigUInt64LE(BigInt(sector), 144);
  bytes.writeUInt32LE(128, 220); // devices in the table
  let sum = 0n;
  for (let at = 0; at < 256 + 2 * 128; at += 4) sum += BigInt(bytes.readUInt32LE(at));
  bytes.writeUInt32LE(Number((sum & 0xffffffffn) + (sum >> 32n)), 216);
  return bytes;
}

/** Where format 0.90 lies: in the last whole 64 KiB but none. */
export function md0Place(sizeBytes: number): number {
  return Math.floor(sizeBytes / 65536) * 65536 - 65536;
}

/** Format 0.90, laid out by hand (md_p.h); blkid and mdadm judge it. */
export function mdSuperblock0(): Buffer {
  const bytes = Buffer.alloc(4096);
  const words: Readonly<Record<number, number>> = {
    ...{ 0: 0xa92b4efc, 1: 0, 2: 90, 5: 0x01234567, 6: 1_700_000_000, 7: 1, 8: 8192, 9: 2, 10: 2 },
    ...{ 13: 0x89abcdef, 14: 0xfedcba98, 15: 0x76543210, 32: 1_700_000_001, 33: 1, 34: 2, 35: 2 },
  };
  for (const [word, value] of Object.entries(words)) bytes.writeUInt32LE(value, Number(word) * 4);
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += 4) sum += BigInt(bytes.readUInt32LE(at));
  bytes.writeUInt32LE(Number((sum & 0xffffffffn) + (sum >> 32n)), 38 * 4);
  return bytes;
}
