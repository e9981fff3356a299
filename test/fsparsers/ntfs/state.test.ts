/** Dirty flag, unclean log, hibernation, fast startup: ours against ntfs-3g's own refusals. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { dataOf, decodeRuns, NtfsImage, protect, types } from './edit.js';
import { makeNtfs, mapImage, mebibyte, whileMounted } from './support.js';

/** Exit codes of ntfs-3g.probe(8). */
const mountable = 0;
const hibernated = 14;
const unclean = 15;

async function hazardsOf(image: string): Promise<string[]> {
  const map = await mapImage(image);
  const codes = map.hazards?.map(({ code }) => code) ?? [];
  if (codes.length > 0 && map.filesystem.state !== 'dirty') throw new Error('Expected dirty');
  return codes;
}

async function probeByNtfs3g(image: string): Promise<number | undefined> {
  const { exitCode } = await execa('ntfs-3g.probe', ['--readwrite', image], { reject: false });
  return exitCode;
}

async function edited(
  t: ExecutionContext,
  edit: (volume: NtfsImage) => void,
  sizeBytes = 16 * mebibyte,
): Promise<string> {
  const image = await makeNtfs(t, sizeBytes);
  const volume = new NtfsImage(await readFile(image));
  edit(volume);
  await writeFile(image, volume.bytes);
  return image;
}

for (const [flags, hazards] of [
  [0x0000, []],
  [0x0001, ['NTFS_DIRTY']],
  [0x0080, []],
  [0x0081, ['NTFS_DIRTY']],
  [0x4000, ['NTFS_DIRTY']],
] as const) {
  test(`volume flags 0x${flags.toString(16)}`, async (t) => {
    const image = await edited(t, (volume) => {
      volume.editRecord(3, (record) => {
        const at = attributeAt(record, types.volumeInformation);
        record.writeUInt16LE(flags, at + 24 + 10);
      });
    });
    const { stdout } = await execa('ntfsinfo', ['--force', '--mft', image]);
    t.regex(stdout, new RegExp(`Volume Flags: 0x${flags.toString(16).padStart(4, '0')}`));
    t.deepEqual(await hazardsOf(image), [...hazards]);
  });
}

function attributeAt(record: Buffer, type: number): number {
  let at = record.readUInt16LE(20);
  while (record.readUInt32LE(at) !== type) at += record.readUInt32LE(at + 4);
  return at;
}

interface RestartPage {
  readonly magic?: string;
  readonly version?: readonly [number, number];
  readonly lsn?: number;
  readonly flags?: number;
  readonly firstUsedClient?: number;
  readonly sequenceBits?: number;
  readonly next?: number;
  readonly isTorn?: boolean;
}

const pageBytes = 4096;

/** A restart page as Windows XP and later write it. */
function restartPage(logBytes: number, options: RestartPage): Buffer {
  const page = Buffer.alloc(pageBytes);
  page.write(options.magic ?? 'RSTR', 'latin1');
  page.writeUInt16LE(30, 4);
  page.writeUInt16LE(9, 6);
  page.writeUInt32LE(pageBytes, 16);
  page.writeUInt32LE(pageBytes, 20);
  page.writeUInt16LE(48, 24);
  const [major, minor] = options.version ?? [1, 1];
  page.writeUInt16LE(minor, 26);
  page.writeUInt16LE(major, 28);
  page.writeUInt16LE(7, 30);
  const area = page.subarray(48);
  area.writeBigUInt64LE(BigInt(options.lsn ?? 1000), 0);
  area.writeUInt16LE(1, 8);
  area.writeUInt16LE(0xffff, 10);
  area.writeUInt16LE(options.firstUsedClient ?? 0, 12);
  area.writeUInt16LE(options.flags ?? 0, 14);
  area.writeUInt32LE(options.sequenceBits ?? 67 - (Math.floor(Math.log2(logBytes)) + 1), 16);
  area.writeUInt16LE(64 + 160, 20);
  area.writeUInt16LE(64, 22);
  area.writeBigUInt64LE(BigInt(logBytes), 24);
  area.writeUInt16LE(48, 36);
  area.writeUInt16LE(64, 38);
  area.writeUInt16LE(0xffff, 64 + 16);
  area.writeUInt16LE(options.next ?? 0xffff, 64 + 18);
  protect(page);
  if (options.isTorn) page.writeUInt16LE(0x4242, 2 * 512 - 2);
  return page;
}

async function withLog(t: ExecutionContext, pages: readonly RestartPage[]): Promise<string> {
  return edited(t, (volume) => {
    const [run] = decodeRuns(dataOf(volume.attributes(2)));
    if (run?.lcn == null) throw new Error('Expected $LogFile in clusters');
    const logAt = run.lcn * volume.clusterBytes;
    const logBytes = run.count * volume.clusterBytes;
    for (const [index, page] of pages.entries()) {
      restartPage(logBytes, page).copy(volume.bytes, logAt + index * pageBytes);
    }
  });
}

const isClean = 2;
const noClient = 0xffff;
const logUnclean = ['NTFS_LOG_UNCLEAN'];

for (const { what, pages, hazards, probe } of [
  { what: 'empty', pages: [], hazards: [], probe: mountable },
  { what: 'open', pages: [{}, {}], hazards: logUnclean, probe: unclean },
  {
    what: 'marked clean',
    pages: [{ flags: isClean }, { flags: isClean }],
    hazards: [],
    probe: mountable,
  },
  {
    what: 'closed, as Windows 2000 does',
    pages: [{ firstUsedClient: noClient }, { firstUsedClient: noClient }],
    hazards: [],
    probe: mountable,
  },
  {
    what: 'open in the second, later page',
    pages: [{ flags: isClean }, { lsn: 2000 }],
    hazards: logUnclean,
    probe: unclean,
  },
  {
    what: 'open in the second, older page',
    pages: [{ flags: isClean, lsn: 3000 }, { lsn: 2000 }],
    hazards: [],
    probe: mountable,
  },
  {
    what: 'clean in the only valid page',
    pages: [{ sequenceBits: 3 }, { flags: isClean }],
    hazards: [],
    probe: mountable,
  },
  {
    what: 'without a valid page',
    pages: [{ sequenceBits: 3 }, { version: [3, 7], flags: isClean }],
    hazards: logUnclean,
    probe: unclean,
  },
  {
    what: 'with clients in a circle',
    pages: [{ next: 0, flags: 0 }],
    hazards: logUnclean,
    probe: unclean,
  },
  {
    what: 'clean, but torn behind the restart area',
    pages: [{ flags: isClean, isTorn: true }],
    hazards: logUnclean,
    probe: unclean,
  },
  {
    what: 'clean, and torn in an older page',
    pages: [
      { flags: isClean, isTorn: true },
      { flags: isClean, lsn: 2000 },
    ],
    hazards: [],
    probe: mountable,
  },
  {
    what: 'rewritten by chkdsk',
    pages: [{ magic: 'CHKD', flags: isClean }],
    hazards: [],
    probe: mountable,
  },
  {
    what: 'of fast startup',
    pages: [
      { version: [2, 0], flags: isClean },
      { version: [2, 0], flags: isClean },
    ],
    hazards: ['NTFS_FAST_STARTUP'],
    probe: hibernated,
  },
] as const) {
  test(`log ${what}`, async (t) => {
    const image = await withLog(t, pages);
    t.is(await probeByNtfs3g(image), probe);
    t.deepEqual(await hazardsOf(image), [...hazards]);
  });
}

for (const { what, content, hazards, probe } of [
  { what: '"hibr"', content: sleeping('hibr'), hazards: ['NTFS_HIBERNATED'], probe: hibernated },
  { what: 'too short', content: Buffer.from('x'), hazards: ['NTFS_HIBERNATED'], probe: hibernated },
  { what: '"wake"', content: sleeping('wake'), hazards: [], probe: mountable },
  { what: '"WAKE"', content: sleeping('WAKE'), hazards: [], probe: mountable },
  { what: 'zeros', content: Buffer.alloc(8192), hazards: [], probe: mountable },
  { what: '"HIBR"', content: sleeping('HIBR'), hazards: ['NTFS_HIBERNATED'], probe: hibernated },
  // Windows stopped while it woke up; ntfs-3g would write to the volume.
  { what: '"RSTR"', content: sleeping('RSTR'), hazards: ['NTFS_HIBERNATED'], probe: mountable },
] as const) {
  for (const neighbours of [0, 400]) {
    test(`hiberfil.sys ${what} among ${neighbours} other files`, async (t) => {
      const image = await makeNtfs(t, 16 * mebibyte);
      await whileMounted(t, image, async (directory) => {
        // Enough of them make the root directory a tree of several index blocks.
        for (let index = 0; index < neighbours; index++) {
          await writeFile(path.join(directory, `${index} ${'long name '.repeat(5)}`), '');
          await writeFile(path.join(directory, `Ünicode ${index} ${'long '.repeat(5)}`), '');
        }
        await writeFile(
          path.join(directory, neighbours === 0 ? 'hiberfil.sys' : 'HiberFil.SYS'),
          content,
        );
      });
      t.deepEqual(await hazardsOf(image), [...hazards]);
      if (neighbours === 0) t.is(await probeByNtfs3g(image), probe);
    });
  }
}

function sleeping(magic: string): Buffer {
  return Buffer.concat([Buffer.from(magic), Buffer.alloc(8188)]);
}

test('each hazard is told apart from the others', async (t) => {
  const image = await withLog(t, [{}]);
  const volume = new NtfsImage(await readFile(image));
  volume.editRecord(3, (record) => {
    record.writeUInt16LE(1, attributeAt(record, types.volumeInformation) + 24 + 10);
  });
  await writeFile(image, volume.bytes);
  t.deepEqual(await hazardsOf(image), ['NTFS_DIRTY', 'NTFS_LOG_UNCLEAN']);
  const { journal } = (await mapImage(image)).filesystem;
  t.deepEqual(journal, { state: 'dirty', detail: '$LogFile version 1.1, not closed' });
});

test('what cannot be read cannot be ruled out', async (t) => {
  const image = await edited(t, (volume) => {
    for (const number of [2, 3, 5]) {
      const at = volume.recordAt(number);
      volume.bytes.fill(0, at, at + volume.recordBytes);
    }
  });
  t.deepEqual(await hazardsOf(image), ['NTFS_DIRTY', 'NTFS_LOG_UNCLEAN', 'NTFS_HIBERNATED']);
});
