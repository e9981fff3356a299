/** Decides how to use an earlier run's checkpoint: trust it, compare everything, or start afresh. */

import { createHash } from 'node:crypto';
import { compare, type ExtentList } from '../../engine/index.js';
import type { Volume } from '../../volume/index.js';
import type { Checkpoint } from './checkpoint.js';
import { hasStamp } from '../target-header/index.js';
import { areUntouched } from './published.js';
import { slice } from '../work-list.js';

export type Resumption =
  | { readonly kind: 'fresh' }
  /** The prefix is on the targets, and the source was not written since. */
  | { readonly kind: 'continue'; readonly checkpoint: Checkpoint }
  /** All is on the targets, which carry their signature, but what could not be read. */
  | { readonly kind: 'retry'; readonly checkpoint: Checkpoint }
  /** An earlier run got far, but something may have been written since: write only what differs. */
  | { readonly kind: 'compare'; readonly reason: string };

export interface ResumeQuestion {
  readonly checkpoint: Checkpoint | null;
  readonly source: Volume;
  readonly targets: readonly Volume[];
  readonly writeCounter: string | null;
  readonly workList: ExtentList;
  readonly verify: boolean;
  /** The source is at rest: what can be read of it now belongs to what was read before. */
  readonly mayRetry: boolean;
}

/** Identifies a work list: positions in one mean nothing in another. */
export function workListDigest(workList: ExtentList): string {
  const bytes = new Uint8Array(workList.buffer, workList.byteOffset, workList.byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}

/** Answers how to begin. Reads a few samples of the targets where it would trust them. */
export async function decideResumption(question: ResumeQuestion): Promise<Resumption> {
  const { checkpoint, writeCounter, workList, verify } = question;
  if (checkpoint === null) return { kind: 'fresh' };
  const doubt = (reason: string): Resumption => ({ kind: 'compare', reason });
  if (checkpoint.workListDigest !== workListDigest(workList)) {
    return doubt('the used ranges of the source have changed since');
  }
  if (writeCounter === null || checkpoint.sourceWriteCounter === null) {
    return doubt('this kernel does not count writes, so the source may have been written since');
  }
  if (writeCounter !== checkpoint.sourceWriteCounter) {
    return doubt('the source may have been written since, or the machine restarted');
  }
  if (verify && !checkpoint.verified) {
    return doubt('the part it copied was not read back');
  }
  if (checkpoint.unlistedBadBytes !== 0) {
    return doubt('it had not yet listed the unreadable sectors');
  }
  if (checkpoint.published !== undefined) {
    if (!question.mayRetry) return doubt('the source is in use now');
    return (await areUntouched(checkpoint.published, question.targets))
      ? { kind: 'retry', checkpoint }
      : doubt('the target may have been written since, or the machine restarted');
  }
  for (const target of question.targets) {
    if (!(await hasStamp(target, checkpoint.runId))) {
      return doubt('something else wrote to the target since');
    }
  }
  if (!(await samplesAgree(question, checkpoint.durableBytes))) {
    return doubt('the target no longer holds the data written to it');
  }
  return { kind: 'continue', checkpoint };
}

const samples = 16;
const sampleBytes = 1024 * 1024;

/** Compares a few pieces of the finished prefix, its last one always among them. */
async function samplesAgree(
  { source, targets, workList }: ResumeQuestion,
  durableBytes: number,
): Promise<boolean> {
  const step = Math.max(sampleBytes, Math.floor(durableBytes / samples));
  const pieces: ExtentList[] = [];
  for (let end = durableBytes; end > 0; end -= step) {
    pieces.push(slice(workList, Math.max(0, end - sampleBytes), end));
  }
  const extents = Float64Array.from(pieces.reverse().flatMap((piece) => [...piece]));
  for (const target of targets) {
    const job = compare({ left: source.endpoint, right: target.endpoint, extents });
    const { differentRanges, unreadableRanges } = await job.done;
    if (differentRanges.length > 0 || unreadableRanges.length > 0) return false;
  }
  return true;
}
