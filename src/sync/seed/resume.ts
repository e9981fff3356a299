/** Decides how to use an earlier run's checkpoint: continue, retry, compare everything, or start fresh. */

import { createHash } from 'node:crypto';
import { compare, type ExtentList } from '../../engine/index.js';
import type { HostVolume, Volume } from '../../volume/index.js';
import type { Checkpoint } from './checkpoint.js';
import { hasStamp } from '../target-header/index.js';
import { areUntouched } from './published.js';
import { slice } from '../work-list.js';

export type Resumption =
  | { readonly kind: 'fresh' }
  /** The targets hold the prefix, and the source was not written since. */
  | { readonly kind: 'continue'; readonly checkpoint: Checkpoint }
  /** The targets are published and lack only the unreadable ranges. */
  | { readonly kind: 'retry'; readonly checkpoint: Checkpoint }
  /** An earlier run got this far, but something may have been written since: write only what differs. */
  | { readonly kind: 'compare'; readonly reason: string };

export interface ResumeQuestion {
  readonly checkpoint: Checkpoint | null;
  readonly source: HostVolume;
  readonly targets: readonly Volume[];
  readonly writeCounter: string | null;
  readonly workList: ExtentList;
  readonly verify: boolean;
  /** The source is at rest, so ranges that can be read now belong to the same state as the rest. */
  readonly mayRetry: boolean;
}

/** Identifies a work list: a position in one means nothing in another. */
export function workListDigest(workList: ExtentList): string {
  const bytes = new Uint8Array(workList.buffer, workList.byteOffset, workList.byteLength);
  return createHash('sha256').update(bytes).digest('hex');
}

/** Decides how to begin. Before trusting the targets, it compares samples of them. */
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

/** Compares samples of the finished prefix, always including its end. */
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
    const { differentRanges, unreadableRanges } = await target.lend(
      (right) => compare({ left: source.endpoint, right, extents }).done,
    );
    if (differentRanges.length > 0 || unreadableRanges.length > 0) return false;
  }
  return true;
}
