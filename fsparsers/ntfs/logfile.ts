/**
 * $LogFile: whether the volume was cleanly dismounted. The rules are those of ntfs-3g
 * (libntfs-3g/logfile.c) and of Linux's former fs/ntfs/logfile.c; the log's records are not read.
 */

import { ParseError, type ParseErrorPlace } from '../errors.js';
import { layout, type Decoded } from '../layout.js';
import { applyFixups } from './fixups.js';
import type { Stream } from './stream.js';

/** ntfs-3g include/ntfs-3g/logfile.h, RESTART_PAGE_HEADER */
const pageLayout = layout('little', {
  magic: [0, 'bytes:4'],
  fixupsAt: [4, 'u16'],
  fixupCount: [6, 'u16'],
  chkdskLsn: [8, 'u64'],
  systemPageBytes: [16, 'u32'],
  logPageBytes: [20, 'u32'],
  areaAt: [24, 'u16'],
  minorVersion: [26, 'u16'],
  majorVersion: [28, 'u16'],
});

/** RESTART_AREA */
const areaLayout = layout('little', {
  currentLsn: [0, 'u64'],
  clientCount: [8, 'u16'],
  firstFreeClient: [10, 'u16'],
  firstUsedClient: [12, 'u16'],
  flags: [14, 'u16'],
  sequenceBits: [16, 'u32'],
  areaBytes: [20, 'u16'],
  clientsAt: [22, 'u16'],
  fileBytes: [24, 'u64'],
  recordHeaderBytes: [36, 'u16'],
  pageDataAt: [38, 'u16'],
});

/** LOG_CLIENT_RECORD, the links */
const clientLayout = layout('little', { previous: [16, 'u16'], next: [18, 'u16'] });
const clientBytes = 160;
const noClient = 0xffff;
const volumeIsCleanFlag = 2;

const blockBytes = 512;
/** Bytes of a block before its update sequence number. */
const plainBytes = blockBytes - 2;
const defaultPageBytes = 4096;
const leastPages = 2 + 48;
const longestLogBytes = 2 ** 32;
const largestPageBytes = 64 << 10;

export type LogState =
  | { readonly kind: 'empty' }
  /** With `version` 2, Windows keeps metadata in memory across a fast shutdown. */
  | { readonly kind: 'clean' | 'unclean'; readonly version: string }
  | { readonly kind: 'unreadable'; readonly why: string };

interface RestartPage {
  readonly page: Decoded<typeof pageLayout.fields>;
  readonly area: Decoded<typeof areaLayout.fields>;
  readonly lsn: number;
  /** Incompletely written: what precedes the tear counts, but it cannot vouch for the volume. */
  readonly isTorn: boolean;
}

/** Reads the state of the log. @throws ParseError where its clusters cannot be read. */
export async function readLogState(log: Stream): Promise<LogState> {
  const lengthBytes =
    Math.floor(Math.min(log.sizeBytes, longestLogBytes) / defaultPageBytes) * defaultPageBytes;
  if (lengthBytes < leastPages * defaultPageBytes) {
    return { kind: 'unreadable', why: `it has only ${log.sizeBytes} bytes` };
  }
  const { pages, isEmpty } = await findRestartPages(log, lengthBytes);
  if (isEmpty) return { kind: 'empty' };
  const latest = pages.reduce<RestartPage | null>(
    (best, page) => (best === null || page.lsn > best.lsn ? page : best),
    null,
  );
  if (latest === null) return { kind: 'unreadable', why: 'it has no valid restart page' };
  const { page, area, isTorn } = latest;
  const isClosed = area.firstUsedClient === noClient || (area.flags & volumeIsCleanFlag) !== 0;
  return {
    kind: isClosed && !isTorn ? 'clean' : 'unclean',
    version: `${page.majorVersion}.${page.minorVersion}`,
  };
}

/**
 * Restart pages lie at 0 and at the page size of the system that wrote them, so that only the powers
 * of two need to be looked at. The log is empty if every one of these blocks is.
 */
async function findRestartPages(
  log: Stream,
  lengthBytes: number,
): Promise<{ readonly pages: RestartPage[]; readonly isEmpty: boolean }> {
  const pages: RestartPage[] = [];
  let isEmpty = true;
  for (let at = 0; at < lengthBytes; at = at === 0 ? blockBytes : at * 2) {
    const block = await log.read(at, blockBytes);
    const magic = String.fromCharCode(...block.subarray(0, 4));
    if (magic !== '\xff\xff\xff\xff') isEmpty = false;
    else if (!isEmpty) break;
    if (magic === 'RCRD') break;
    if (magic !== 'RSTR' && magic !== 'CHKD') continue;
    const page = await loadRestartPage(log, at, block, magic === 'CHKD');
    if (page === null) continue;
    pages.push(page);
    if (at > 0) break;
  }
  return { pages, isEmpty };
}

async function loadRestartPage(
  log: Stream,
  at: number,
  block: Uint8Array,
  isChecked: boolean,
): Promise<RestartPage | null> {
  const page = pageLayout.decode(block);
  if (!isSoundPage(page, at, isChecked)) return null;
  if (page.areaAt + areaLayout.sizeBytes > plainBytes) return null;
  const area = areaLayout.decode(block, page.areaAt);
  if (!isSoundArea(page, area)) return null;
  if (at + page.systemPageBytes > log.sizeBytes) return null;
  const whole = await log.read(at, page.systemPageBytes);
  const place = { structure: '$LogFile restart page', offsetBytes: at };
  const fixed = isChecked && page.fixupCount === 0 ? whole : fixedOrNull(whole, place);
  // Torn or not, what lies before the first number of the update sequence can be read.
  if (fixed === null && page.areaAt + area.areaBytes > plainBytes) return null;
  const isOpen = !isChecked && area.firstUsedClient !== noClient;
  if (isOpen && !areSoundClients(fixed ?? whole, page, area)) return null;
  const lsn = isChecked ? page.chkdskLsn : area.currentLsn;
  return { page, area, lsn, isTorn: fixed === null };
}

function fixedOrNull(page: Uint8Array, place: ParseErrorPlace): Uint8Array | null {
  try {
    return applyFixups(page, place);
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

function isSoundPage(
  page: Decoded<typeof pageLayout.fields>,
  at: number,
  isChecked: boolean,
): boolean {
  const { systemPageBytes, logPageBytes, fixupsAt, fixupCount, areaAt } = page;
  if (!isPageSize(systemPageBytes) || !isPageSize(logPageBytes)) return false;
  if (at !== 0 && at !== systemPageBytes) return false;
  const version = `${page.majorVersion}.${page.minorVersion}`;
  if (version !== '1.1' && version !== '2.0') return false;
  const hasFixups = !isChecked || fixupCount !== 0;
  const fixupsEnd = hasFixups ? fixupsAt + 2 * fixupCount : pageLayout.sizeBytes;
  if (hasFixups) {
    if (fixupCount !== 1 + systemPageBytes / blockBytes) return false;
    if (fixupsAt < pageLayout.sizeBytes || fixupsEnd > plainBytes) return false;
  }
  if (areaAt % 8 !== 0 || areaAt < fixupsEnd || areaAt > systemPageBytes) return false;
  return isChecked || page.chkdskLsn === 0;
}

function isPageSize(bytes: number): boolean {
  return bytes >= blockBytes && bytes <= largestPageBytes && Number.isInteger(Math.log2(bytes));
}

function isSoundArea(
  { areaAt, systemPageBytes }: Decoded<typeof pageLayout.fields>,
  area: Decoded<typeof areaLayout.fields>,
): boolean {
  if (area.clientsAt % 8 !== 0 || areaAt + area.clientsAt > plainBytes) return false;
  const neededBytes = area.clientsAt + area.clientCount * clientBytes;
  if (neededBytes > area.areaBytes || areaAt + area.areaBytes > systemPageBytes) return false;
  for (const first of [area.firstFreeClient, area.firstUsedClient]) {
    if (first !== noClient && first >= area.clientCount) return false;
  }
  const sizeBits = area.fileBytes === 0 ? 0 : Math.floor(Math.log2(area.fileBytes)) + 1;
  if (area.sequenceBits !== 67 - sizeBits) return false;
  return area.recordHeaderBytes % 8 === 0 && area.pageDataAt % 8 === 0;
}

/** Follows the lists of free and of used clients; together they cannot hold more than there are. */
function areSoundClients(
  bytes: Uint8Array,
  { areaAt }: Decoded<typeof pageLayout.fields>,
  area: Decoded<typeof areaLayout.fields>,
): boolean {
  let left = area.clientCount;
  for (const first of [area.firstFreeClient, area.firstUsedClient]) {
    for (let client = first; client !== noClient; left--) {
      if (left === 0 || client >= area.clientCount) return false;
      const at = areaAt + area.clientsAt + client * clientBytes;
      const { previous, next } = clientLayout.decode(bytes, at);
      if (client === first && previous !== noClient) return false;
      client = next;
    }
  }
  return true;
}
