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
