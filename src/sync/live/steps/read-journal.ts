/** The first step with a target: finds out what an earlier run left in its journal. */

import type { Volume } from '../../../volume/index.js';
import { findCommitted, type Finding } from '../apply.js';
import type { StepContext } from './context.js';

/** Keeps a committed epoch. Anything else in the journal was not applied, and will be staged again. */
export async function readJournal(context: StepContext, volume: Volume): Promise<Finding> {
  const { journal, store, dirty, notes } = context;
  const finding = await findCommitted(journal, store.record, volume);
  if (finding.kind === 'committed') return finding;
  if (finding.isDamaged) notes.warn('its journal is damaged and is not applied');
  dirty.add(journal.staged);
  await journal.reset();
  return finding;
}
