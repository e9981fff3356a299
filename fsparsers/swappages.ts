/** The pages that a swap header lists as bad: the kernel never uses them, and reading them fails. */

import type { Extent } from './extents.js';
import { layout } from './layout.js';
import type { Signature } from './probe.js';
import type { ByteReader } from './reader.js';

/** Linux include/linux/swap.h, union swap_header: the list reaches to the signature at the page's end. */
const listAt = 1536;
const signatureBytes = 10;
const header = (endian: 'little' | 'big') =>
  layout(endian, { version: [1024, 'u32'], lastPage: [1028, 'u32'], badPages: [1032, 'u32'] });
const little = header('little');
const big = header('big');

/** Empty if the header has impossible values: then all of the swap space is used. */
export async function badPages(
  reader: ByteReader,
  { sizeBytes }: Signature,
): Promise<readonly Extent[]> {
  if (sizeBytes === null || reader.sizeBytes < 4096) return [];
  const start = await reader.read(0, listAt);
  const isLittle = little.decode(start).version === 1;
  const { lastPage, badPages: count } = (isLittle ? little : big).decode(start);
  const pageBytes = sizeBytes / (lastPage + 1);
  if (count === 0 || count > (pageBytes - signatureBytes - listAt) / 4) return [];
  const list = await reader.read(listAt, 4 * count);
  const view = new DataView(list.buffer, list.byteOffset, list.length);
  const pages = Array.from({ length: count }, (_, index) => view.getUint32(4 * index, isLittle));
  if (pages.some((page) => page === 0 || page > lastPage)) return [];
  return pages.map((page) => ({ start: page * pageBytes, length: pageBytes }));
}
