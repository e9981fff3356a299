/** MD superblocks of format 1, for kernels without MD. */

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
