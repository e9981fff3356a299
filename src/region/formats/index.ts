/** Used-region maps as files: what other tools take, and the way back in. */

import { bmap } from './bmap.js';
import { ddrescue } from './ddrescue.js';
import { extentlist } from './extentlist.js';
import type { Format } from './format.js';
import { json } from './json.js';
import { qemu } from './qemu.js';

export type FormatName = 'json' | 'ddrescue' | 'bmap' | 'qemu' | 'extentlist';

/** Every format that a map can be written in. */
export const formats: Readonly<Record<FormatName, Format>> = {
  json,
  ddrescue,
  bmap,
  qemu,
  extentlist,
};

export { ddrescueMap, type BlockStatus } from './ddrescue.js';
export type { Format, MappedDevice } from './format.js';
export { jsonSchema } from './json.js';
export { importDdrescue, type DdrescueMap } from './import-ddrescue.js';
export { importJson, type ImportedMap } from './import-json.js';
