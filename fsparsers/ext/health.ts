/** Whether a file system's bitmaps can be trusted at all, and what the user should know about it. */

import type { JournalState, MapNote } from '../usedmap.js';
import type { ExtGeometry } from './geometry.js';
import type { JournalOutcome } from './journal/index.js';
import { stateBits } from './superblock.js';
import type { ExtSuperblock } from './superblock.js';

/** The result of replaying the journal; `none` if there is no journal. */
export type JournalView = Omit<JournalOutcome, 'state'> & { readonly state: JournalState };

export const noJournal: JournalView = {
  state: 'none',
  detail: 'made without a journal',
  overlay: null,
  claimed: [],
  journalRanges: [],
};

export interface Health {
  /** False if no bitmap proves anything, so that everything counts as used. */
  readonly trusted: boolean;
  readonly notes: readonly MapNote[];
}

/** Assesses the file system as it is on disk and as it is after the journal's replay. */
export function assessHealth(
  onDisk: ExtGeometry,
  after: ExtGeometry,
  journal: JournalView,
): Health {
  const distrust: MapNote[] = [];
  const warn = (code: string, message: string) => {
    distrust.push({
      severity: 'warning',
      code,
      message: `${message}: everything counts as used`,
    });
  };
  const needsRecovery = onDisk.has('needs_recovery');
  if (journal.state === 'unfollowable') {
    warn('JOURNAL_UNFOLLOWABLE', `the journal cannot be replayed (${journal.detail})`);
  }
  if (journal.state === 'external' && needsRecovery) {
    warn(
      'JOURNAL_EXTERNAL',
      `the journal lies on another device and must be replayed (${journal.detail})`,
    );
  }
  if (journal.state === 'none' && needsRecovery) {
    warn('JOURNAL_MISSING', 'a journal must be replayed, but there is none');
  }
  for (const [when, { superblock }] of [
    ['', onDisk],
    [' after the replay of its journal', after],
  ] as const) {
    if (when !== '' && journal.overlay === null) continue;
    if (recordsErrors(superblock)) {
      warn('ERRORS_RECORDED', `the file system has recorded errors${when}`);
    } else if (!isValid(superblock)) {
      warn('NOT_CLEAN', `the file system was not cleanly unmounted${when}`);
    }
  }
  const notes: MapNote[] = [...new Map(distrust.map((note) => [note.code, note])).values()];
  if (journal.state === 'replayed' && !needsRecovery) {
    notes.push({
      severity: 'info',
      code: 'JOURNAL_NOT_EMPTY',
      message: `the journal holds changes although it is marked empty: ${journal.detail}`,
    });
  }
  return { trusted: distrust.length === 0, notes };
}

/** `dirty` also while it is mounted: a journal to replay, or not marked as cleanly unmounted. */
export function stateOf(geometry: ExtGeometry): 'clean' | 'dirty' | 'errors' {
  if (recordsErrors(geometry.superblock)) return 'errors';
  const isClean = isValid(geometry.superblock) && !geometry.has('needs_recovery');
  return isClean ? 'clean' : 'dirty';
}

function recordsErrors({ fields }: ExtSuperblock): boolean {
  return (fields.state & stateBits.errors) !== 0;
}

function isValid({ fields }: ExtSuperblock): boolean {
  return (fields.state & stateBits.valid) !== 0;
}
