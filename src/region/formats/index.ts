/** The formats that a map can be written in, by the name that users give. */

import { bmap } from './bmap.js';
import { ddrescue } from './ddrescue.js';
import { extentlist } from './extentlist.js';
import type { MapFormat } from './format.js';
import { json } from './json.js';
import { qemu } from './qemu.js';

export type { MapFormat, MappedDevice } from './format.js';
export { importDdrescue, type DdrescueMap } from './import-ddrescue.js';
export { importJson, type ImportedMap } from './import-json.js';

export const mapFormats = {
  json,
  ddrescue,
  bmap,
  qemu,
  extentlist,
} as const satisfies Record<string, MapFormat>;

export type MapFormatName = keyof typeof mapFormats;
