/** ext2, ext3 and ext4: the used-region map of a volume, crashed ones included. */

import { describedAfter } from '../crosscheck.js';
import type { Parser, ParserOptions } from '../parser.js';
import type { ByteReader } from '../reader.js';
import { MapBuilder } from '../mapbuilder.js';
import type { MapNote, UsedMap } from '../usedmap.js';
import { markBadBlocks } from './bad-blocks.js';
import { markGroups } from './bitmaps.js';
import { describeFilesystem } from './describe.js';
import { typeName } from './features.js';
import { geometryOf } from './geometry.js';
import type { ExtGeometry } from './geometry.js';
import { readGroups } from './groups.js';
import { assessHealth, noJournal } from './health.js';
import { checkOwners, nothingFree } from './owners.js';
import { replayJournal } from './journal/index.js';
import { locator } from './locate.js';
import {
  decodeSuperblock,
  hasMagic,
  labelText,
  readSuperblock,
  superblockBytes,
  superblockOffsetBytes,
  uuidText,
} from './superblock.js';

export const extParser: Parser = { family: 'ext', probe, parse };

async function probe(reader: ByteReader): Promise<string | null> {
  if (reader.sizeBytes < superblockOffsetBytes + superblockBytes) return null;
  const bytes = await reader.read(superblockOffsetBytes, superblockBytes);
  const superblock = decodeSuperblock(bytes);
  if (!hasMagic(superblock)) return null;
  const { fields } = superblock;
  const label = labelText(fields.label);
  const name = `${typeName(fields)}, UUID ${uuidText(fields.uuid) ?? 'none'}`;
  return label === null ? name : `${name}, label "${label}"`;
}

/**
 * The map of an ext2/3/4 volume. If the journal must be replayed, it is replayed in memory, and the map
 * is the union of the used blocks before and after. Rejects with ParseError if the superblock or the
 * position of the descriptors is impossible.
 */
async function parse(reader: ByteReader, options: ParserOptions = {}): Promise<UsedMap> {
  const { signal } = options;
  const onDisk = await readGeometry(reader);
  signal?.throwIfAborted();
  const journal = onDisk.has('has_journal')
    ? await replayJournal(reader, onDisk, options)
    : noJournal;
  const after = journal.overlay ?? reader;
  const geometry = journal.overlay === null ? onDisk : await readGeometry(after);
  const groups = await readGroups(after, geometry, journal.journalRanges, signal);
  const { trusted, notes } = assessHealth(onDisk, geometry, journal);

  const builder = new MapBuilder(reader.sizeBytes);
  if (trusted) await markGroups(after, groups, builder, 'proved', signal);
  const badNotes = trusted ? await markBadBlocks(after, geometry, builder) : [];
  // This must come before the older view's free ranges are marked: a file of the newer view may be
  // there.
  const owners = trusted
    ? await checkOwners(after, groups, builder, badNotes.length > 0, options)
    : nothingFree;
  if (trusted && journal.overlay !== null) {
    // What the stale bitmaps call used stays used. Their counts need not agree before the replay,
    // but must where the kernel would drop the journal instead of replaying it.
    const before = await readGroups(reader, onDisk, [], signal);
    const belief = onDisk.has('needs_recovery') ? 'used only' : 'proved';
    await markGroups(reader, before, builder, belief, signal);
    if (belief === 'proved') groups.faults.merge(before.faults);
  }
  for (const { start, length } of journal.claimed) builder.mark('data', start, length);
  groups.metadata.mark(builder);
  const endBytes = geometry.blocksCount * geometry.blockBytes;
  builder.mark('outside', endBytes, reader.sizeBytes - endBytes);

  const ranges = builder.build();
  return {
    deviceBytes: reader.sizeBytes,
    filesystem: describedAfter(describeFilesystem(onDisk, geometry, journal), owners),
    crossCheck: owners.crossCheck,
    notes: [
      ...notes,
      ...badNotes,
      ...owners.notes,
      ...groups.faults.notes(),
      ...coarseNotes(builder),
    ],
    ranges,
    locate: locator(geometry, groups.metadata, ranges),
  };
}

async function readGeometry(reader: ByteReader): Promise<ExtGeometry> {
  return geometryOf(await readSuperblock(reader), reader.sizeBytes);
}

function coarseNotes({ coarseBytes }: MapBuilder): MapNote[] {
  if (coarseBytes === 0) return [];
  const message = `too many free ranges to keep: those below ${coarseBytes} bytes count as used`;
  return [{ severity: 'info', code: 'COARSE', message }];
}
