/** How many bytes one mark stands for. */

const defaultBytes = 64 * 1024;
const leastBytes = 4096;
const mostBytes = 2 ** 30;

/** Marks of one volume take so much kernel memory at most; above that they get coarser. */
const mostMemoryBytes = 256 * 2 ** 20;

/** The granularity for a volume. Throws RangeError with a sentence for what is none. */
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

/** So much for marks is taken without being asked, and scanned at each drain, also while writers wait. */
const easyMemoryBytes = 32 * 2 ** 20;

/**
 * The finest granularity that costs little: 4 KiB up to 1 TiB, then coarser, and never coarser than the
 * usual one. For work that reads again what is marked while somebody waits: small writes at random
 * mark sixteen times as much at 64 KiB.
 */
export function fineGranularity(sizeBytes: number): number {
  let bytes = leastBytes;
  while (bytes < defaultBytes && sizeBytes / bytes / 8 > easyMemoryBytes) bytes *= 2;
  return bytes;
}
