/** Swap areas, and memory images that hibernation left in them. */

import { layout } from '../layout.js';
import { firstDoubt, text, tooLarge, uuid, type SignatureRule } from './rule.js';

/** Linux include/linux/swap.h, union swap_header; the magic ends the first page of the host's size. */
const swapHeader = layout('little', {
  version: [0, 'u32'],
  lastPage: [4, 'u32'],
  uuid: [12, 'bytes:16'],
  label: [28, 'bytes:16'],
});
const swapHeaderBig = layout('big', { version: [0, 'u32'], lastPage: [4, 'u32'] });

function swapRule(pageBytes: number, type: string, magics: readonly string[]): SignatureRule {
  return {
    type,
    family: 'swap',
    kind: 'swap',
    places: [0],
    magics: magics.map((bytes) => ({ at: pageBytes - 10, bytes })),
    structureBytes: pageBytes,
    describe(bytes, _place, view) {
      const isAsleep = beginsWith(bytes, tuxOnIce);
      const asleep = isAsleep ? { type: suspendedType } : {};
      // Version 0: a bitmap.
      if (text(bytes.subarray(pageBytes - 10)) === 'SWAP-SPACE') return asleep;
      const little = swapHeader.decode(bytes, 1024);
      const { version, lastPage } =
        little.version === 1 ? little : swapHeaderBig.decode(bytes, 1024);
      return {
        ...asleep,
        label: text(little.label),
        uuid: uuid(little.uuid),
        sizeBytes: (lastPage + 1) * pageBytes,
        doubt: firstDoubt(
          [version !== 1, `its version is ${version}`],
          [lastPage === 0, 'it has no pages'],
          tooLarge((lastPage + 1) * pageBytes, view.deviceBytes),
        ),
      };
    },
  };
}

/** Swap space that holds the memory of a hibernated system. */
export const suspendedType = 'swsuspend';

/**
 * TuxOnIce keeps the swap header intact, and marks an image at the start of the page (util-linux,
 * libblkid/src/superblocks/swap.c).
 */
const tuxOnIce = [0xed, 0xc3, 0x02, 0xe9, 0x98, 0x56, 0xe5, 0x0c];

function beginsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}

/**
 * At the end of the first page, over the signature of the swap space, which is kept before it: Linux
 * kernel/power/swap.c, mark_swapfiles(); S2 and UL: suspend in user space; the last: older kernels.
 */
const suspended = ['S1SUSPEND', 'S2SUSPEND', 'ULSUSPEND', 'LINHIB0001'];

export const swapRules: readonly SignatureRule[] = [4096, 8192, 16384, 32768, 65536].flatMap(
  (pageBytes) => [
    swapRule(pageBytes, 'swap', ['SWAPSPACE2', 'SWAP-SPACE']),
    swapRule(pageBytes, suspendedType, suspended),
  ],
);
