/** Checks whether two trees list the same extents without storing either list. */

import { treeKinds, type Leaf } from './btree.js';

/** Compares two lists of extents in different orders without keeping either. */
export class ExtentDigest {
  blocks = 0;
  longest = 0;
  #extents = 0;
  #sum = 0;
  #xor = 0;

  addLeaf(leaf: Leaf): void {
    for (let index = 0; index < leaf.records; index++) {
      const at = leaf.firstAt + index * treeKinds.cntbt.recordBytes;
      const start = leaf.view.getUint32(at);
      const blocks = leaf.view.getUint32(at + 4);
      // Two multiply-xor mixes, added up and xored: independent of order, hard to meet by accident.
      const mixed = Math.imul(start ^ (start >>> 15), 0x2c1b3c6d) ^ Math.imul(blocks, 0x297a2d39);
      const mixedAgain = Math.imul(mixed ^ (mixed >>> 13), 0x85ebca6b);
      this.#sum = (this.#sum + mixedAgain) | 0;
      this.#xor ^= Math.imul(mixedAgain ^ (mixedAgain >>> 16), 0xc2b2ae35);
      this.#extents++;
      this.blocks += blocks;
      if (blocks > this.longest) this.longest = blocks;
    }
  }

  equals(other: ExtentDigest): boolean {
    return (
      this.#extents === other.#extents &&
      this.blocks === other.blocks &&
      this.longest === other.longest &&
      this.#sum === other.#sum &&
      this.#xor === other.#xor
    );
  }
}
