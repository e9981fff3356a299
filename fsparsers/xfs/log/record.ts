/** One log record: header, checksum, and the cycle numbers put back where data stood. */

import { crc32c } from '../../checksum.js';
import { layout } from '../../layout.js';
import { sameBytes, viewOf } from '../bytes.js';
import type { Geometry } from '../superblock.js';
import { basicBlockBytes, basicBlocks, recordMagic, type LogBlocks } from './blocks.js';
import { LogFault, RecordFault } from './fault.js';

/** struct xlog_rec_header, fs/xfs/libxfs/xfs_log_format.h; the cycle data follows at 44. */
export const recordLayout = layout('big', {
  magic: [0, 'u32'],
  cycle: [4, 'u32'],
  version: [8, 'u32'],
  lengthBytes: [12, 'u32'],
  lsnCycle: [16, 'u32'],
  lsnBlock: [20, 'u32'],
  tailCycle: [24, 'u32'],
  tailBlock: [28, 'u32'],
  operations: [40, 'u32'],
  format: [300, 'u32'],
  uuid: [304, 'bytes:16'],
  bufferBytes: [320, 'u32'],
});
const crcAt = 32;
const cycleDataAt = 44;
/** With and without the trailing pad: 64-bit kernels sum it, i386 ones do not. */
const headerSumBytes = [328, 324] as const;
const extendedHeaderBytes = 260; // struct xlog_rec_ext_header: cycle, then 64 words
/** Data covered by one header's cycle words. */
const bytesPerHeader = 32 << 10; // XLOG_HEADER_CYCLE_SIZE
const blocksPerHeader = bytesPerHeader / basicBlockBytes;
export const maxRecordBytes = 256 << 10; // XLOG_MAX_RECORD_BSIZE
const versionsKnown = 3; // XLOG_VERSION_1 | XLOG_VERSION_2
const formatLinuxLittleEndian = 1; // XLOG_FMT_LINUX_LE

export type RecordHeader = ReturnType<typeof recordLayout.decode>;

export interface LogRecord {
  /** Where its header lies in the ring. */
  readonly block: number;
  readonly header: RecordHeader;
  /** The operations, as they were before cycle numbers were stamped over them. */
  readonly data: Uint8Array;
  /** False for records of kernels before 3.8, and of mkfs.xfs. */
  readonly hasChecksum: boolean;
}

/** xlog_logrec_hblks(): blocks of header in front of a record's data. */
export function headerBlocksOf(geometry: Geometry, header: RecordHeader): number {
  if (!geometry.logIsV2 || (header.version & 2) === 0) return 1;
  return Math.max(1, Math.ceil(header.bufferBytes / bytesPerHeader));
}

/** Blocks that the whole record takes up. */
export function recordBlocks(geometry: Geometry, header: RecordHeader): number {
  return headerBlocksOf(geometry, header) + basicBlocks(header.lengthBytes);
}

/** xlog_header_check_mount(): whether the record was written by this file system. */
export function belongsTo(geometry: Geometry, header: RecordHeader): boolean {
  const isNil = header.uuid.every((byte) => byte === 0); // an IRIX log
  return isNil || sameBytes(header.uuid, geometry.uuid);
}

/**
 * Reads the record whose header lies at `block`, checks it and unpacks its data.
 * @throws RecordFault naming the block, for a header that cannot be one or a wrong checksum.
 */
export async function readRecord(
  log: LogBlocks,
  geometry: Geometry,
  block: number,
): Promise<LogRecord> {
  const header = recordLayout.decode(await log.read(block, 1));
  checkHeader(geometry, header, block);
  const headerBlockCount = headerBlocksOf(geometry, header);
  const dataBlocks = basicBlocks(header.lengthBytes);
  if (headerBlockCount + dataBlocks > log.count) {
    throw new RecordFault('begins a record longer than the log', block);
  }
  const bytes = await log.readWrapped(block, headerBlockCount + dataBlocks);
  const headers = bytes.subarray(0, headerBlockCount * basicBlockBytes);
  const data = bytes.subarray(headers.length, headers.length + header.lengthBytes);
  if (!checksumFits(geometry, headers, data)) {
    throw new RecordFault('begins a record with a wrong checksum', block);
  }
  unpack(headers, bytes.subarray(headers.length));
  return { block, header, data, hasChecksum: storedChecksum(headers) !== 0 };
}

/** xlog_valid_rec_header(). */
function checkHeader(geometry: Geometry, header: RecordHeader, block: number): void {
  const wrong = (what: string) => new RecordFault(what, block);
  if (header.magic !== recordMagic) throw wrong('is not the header of a record');
  if (header.version === 0 || (header.version & ~versionsKnown) !== 0) {
    throw wrong(`begins a record of unknown version ${header.version}`);
  }
  const isV2 = geometry.logIsV2 && (header.version & 2) !== 0;
  const bufferBytes = isV2 ? header.bufferBytes : bytesPerHeader;
  // mkfs.xfs writes its one record by the stripe unit, whatever buffer size it claims.
  const largest = header.operations === 1 ? maxRecordBytes : bufferBytes;
  if (bufferBytes > maxRecordBytes || header.lengthBytes > largest || header.lengthBytes === 0) {
    throw wrong(`begins a record of ${header.lengthBytes} bytes in a buffer of ${bufferBytes}`);
  }
}

/** xlog_header_check_recover(): stricter than for a mount, since items are native-endian. */
export function checkReplayable(
  geometry: Geometry,
  { header, block, hasChecksum }: LogRecord,
): void {
  if (header.format !== formatLinuxLittleEndian) {
    throw new LogFault(`was written in format ${header.format}, by another kind of machine`, block);
  }
  if (!sameBytes(header.uuid, geometry.uuid)) {
    throw new LogFault('was written by another file system', block);
  }
  if (geometry.version === 5 && !hasChecksum) {
    throw new LogFault('begins a record without a checksum', block);
  }
}

function storedChecksum(headers: Uint8Array): number {
  return viewOf(headers).getUint32(crcAt, true);
}

/** xlog_cksum(); where there is none, there is nothing to be wrong. */
function checksumFits(geometry: Geometry, headers: Uint8Array, data: Uint8Array): boolean {
  const stored = storedChecksum(headers);
  if (stored === 0) return true;
  return headerSumBytes.some((lengthBytes) => {
    let crc = crc32c(0xffffffff, headers.subarray(0, crcAt));
    crc = crc32c(crc, new Uint8Array(4));
    crc = crc32c(crc, headers.subarray(crcAt + 4, lengthBytes));
    if (geometry.logIsV2) {
      const extended = Math.ceil(data.length / bytesPerHeader);
      for (let index = 1; index < extended; index++) {
        const at = index * basicBlockBytes;
        crc = crc32c(crc, headers.subarray(at, at + extendedHeaderBytes));
      }
    }
    return ~crc32c(crc, data) >>> 0 === stored;
  });
}

/** xlog_unpack_data(): the first word of every block was moved into the headers. */
function unpack(headers: Uint8Array, data: Uint8Array): void {
  const words = Math.floor(data.length / basicBlockBytes);
  for (let index = 0; index < words; index++) {
    const header = Math.floor(index / blocksPerHeader);
    const firstWordAt = header === 0 ? cycleDataAt : header * basicBlockBytes + 4;
    const at = firstWordAt + 4 * (index % blocksPerHeader);
    if (at + 4 > headers.length) return; // more data than headers: only in mkfs's own record
    data.set(headers.subarray(at, at + 4), index * basicBlockBytes);
  }
}
