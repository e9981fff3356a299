/** How many bytes one bit of a dirty bitmap stands for. */

const defaultBytes = 64 * 1024;
const leastBytes = 4096;
const mostBytes = 2 ** 30;

/** Most kernel memory for the bitmap of one volume; a larger volume gets a coarser one. */
const mostMemoryBytes = 256 * 2 ** 20;

/** The granularity for a volume. Throws RangeError, with a sentence, for an invalid one. */
export function granularityFor(sizeBytes: number, wantedBytes = defaultBytes): number {
  const isPowerOfTwo = Number.isInteger(Math.log2(wantedBytes));
  if (!isPowerOfTwo || wantedBytes < leastBytes || wantedBytes > mostBytes) {
    throw new RangeError(
      `Expected a granularity that is a power of two from ${leastBytes} to ${mostBytes} bytes, got ${wantedBytes}`,
    );
  }
  let bytes = wantedBytes;
  while (sizeBytes / bytes / 8 > mostMemoryBytes) bytes *= 2;
  return bytes;
}

/** A bitmap of this size is cheap: every drain scans it, some while writers wait. */
const easyMemoryBytes = 32 * 2 ** 20;

/**
 * The finest granularity that is cheap: 4 KiB up to 1 TiB, then coarser, and never coarser than the
 * default. For callers that read dirty ranges again while writers wait: small random writes make
 * sixteen times as much dirty at 64 KiB.
 */
export function fineGranularity(sizeBytes: number): number {
  let bytes = leastBytes;
  while (bytes < defaultBytes && sizeBytes / bytes / 8 > easyMemoryBytes) bytes *= 2;
  return bytes;
}
