/** Used-region maps as files for other tools. */

import { bmap, bmapOfExtents } from './bmap.js';
import { ddrescue, ddrescueOfWritten } from './ddrescue.js';
import { extentlist, extentlistOfExtents } from './extentlist.js';
import type { ExtentList } from '../../../fsparsers/extents.js';
import type { Format, MappedDevice } from './format.js';
import { json } from './json.js';
import { qemu, qemuOfExtents } from './qemu.js';

export type FormatName = 'json' | 'ddrescue' | 'bmap' | 'qemu' | 'extentlist';

/** Every format that a map can be written in. */
export const formats: Readonly<Record<FormatName, Format>> = {
  json,
  ddrescue,
  bmap,
  qemu,
  extentlist,
};

/** The formats without file system details, for written ranges. */
export const writtenFormats: Readonly<
  Record<
    Exclude<FormatName, 'json'>,
    (written: ExtentList, device: MappedDevice) => Iterable<string>
  >
> = {
  ddrescue: ddrescueOfWritten,
  bmap: bmapOfExtents,
  qemu: qemuOfExtents,
  extentlist: extentlistOfExtents,
};

export { ddrescueMap, ddrescueResult } from './ddrescue.js';
