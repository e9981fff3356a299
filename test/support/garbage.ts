/** Bytes that are nobody's data: what a target holds before it is seeded. */

import { createCipheriv } from 'node:crypto';
import { open } from 'node:fs/promises';

/** Overwrites `path` (a file or device) with `bytes` of noise, the same for the same seed. */
export async function fillWithGarbage(path: string, bytes: number, seed = 1): Promise<void> {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const file = await open(path, 'r+');
  try {
    const zeroes = Buffer.alloc(1 << 20);
    for (let at = 0; at < bytes; at += zeroes.length) {
      const noise = cipher.update(zeroes.subarray(0, Math.min(zeroes.length, bytes - at)));
      await file.write(noise, 0, noise.length, at);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}
