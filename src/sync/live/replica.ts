/** Follows the source with one target, at that target's own pace: seeds or compares, then epoch by epoch. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UsedMap } from '../../../fsparsers/index.js';
import { clear, compare, copy, type IoOptions } from '../../engine/index.js';
import {
  clip,
  type ExtentList,
  extentOf,
  subtract,
  totalBytes,
  union,
  usedExtents,
} from '../../region/index.js';
import { FastsyncError } from '../../errors.js';
import { Meter, type Reporter } from '../../report/index.js';
import { type Volume, withVolumeErrors } from '../../volume/index.js';
import { stampSectorBytes, writeStamp } from '../stamp.js';
import type { HookName } from '../consistency/hooks.js';
import { headerBytes, planCopy } from '../seed/plan.js';
import type { StateFile } from '../state-file.js';
import { wipeFormer } from '../strays.js';
import { layoutOf } from '../verify/stray-doubts.js';
import { watchJob, type Watch } from '../watch.js';
import { applyEpoch, findCommitted } from './apply.js';
import {
  signatureAreaBytes,
  signatureAreaDigest,
  signatureAreaOf,
  isUnfinished,
  sectorDigests,
} from './signature-area.js';
import type { CommitRecord } from './commit-record.js';
import { DirtySet } from '../consistency/dirty-set.js';
import { wipeFormerLife } from './former-life.js';
import { FreezeBudget, mostFrozenBytes } from '../consistency/freeze-budget.js';
import {
  isFatal,
  isLostFreeze,
  isVainFreeze,
  MissedWrites,
  targetChanged,
  tooLarge,
} from './errors.js';
import { abortOf, type Journal } from './journal.js';
import type { ReplicationSource, ConsistencyPoint } from './replication-source.js';
import { Waiting } from './overdue.js';
import type { ReplicaRecord } from './replica-file.js';

/** What a target is doing; `stopped` and `failed` are its last words. */
export type LiveState =
  'seeding' | 'comparing' | 'following' | 'staging' | 'applying' | 'hook' | 'failed' | 'stopped';

export interface ReplicaState {
  readonly state: LiveState;
  /** Milliseconds since 1970: when it came into this state. */
  readonly since: number;
  /** Of the state `hook`: the command that it waits for. */
  readonly hook: HookName | null;
  readonly error: Error | null;
  /** Milliseconds since 1970; null where nothing is wrong. */
  readonly errorSince: number | null;
}

export interface ReplicaOptions {
  readonly replicationSource: ReplicationSource;
  /** As the user calls it. */
  readonly name: string;
  /** Opens the target for writing, exclusively. Called again after a failure. */
  readonly open: () => Promise<{ readonly volume: Volume } & AsyncDisposable>;
  readonly journal: Journal;
  readonly replicaRecord: ReplicaRecord;
  readonly replicaFile: StateFile<ReplicaRecord>;
  /** How to begin: copy everything in use, or compare and bring what differs with the first epoch. */
  readonly begin: 'seed' | 'compare';
  readonly intervalMs: number;
  readonly maxFreezeMs: number;
  readonly ioOptions: IoOptions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** Called when an epoch is on the target; the next one waits for it. */
  readonly onEpoch: ((replicaRecord: ReplicaRecord) => Promise<void>) | null;
  /** Called when `state` has changed. */
  readonly onState: () => void;
}

const leastBackoffMs = 1000;
const mostBackoffMs = 60_000;

/** Where a freeze took too long and nothing came of it, writers have waited in vain: not soon again. */
const leastFreezeBackoffMs = 60_000;
const mostFreezeBackoffMs = 3_600_000;

const patientRounds = 8;

/** What a freeze may take besides its limit and the commands around it: others' freezes, a slow host. */
const freezeSlackMs = 15_000;

/** Where staged bytes go: into the journal, or, while the target is seeded, onto the target itself. */
type Sink = (extents: ExtentList, ioOptions: IoOptions, watch: Watch) => Promise<void>;

export class Replica {
  readonly dirty = new DirtySet();
  readonly #options: ReplicaOptions;
  readonly #runId = randomUUID();
  #replicaRecord: ReplicaRecord;
  #next: 'seed' | 'compare' | 'follow';
  #generation: number;
  #state: LiveState;
  #since = Date.now();
  #error: Error | null = null;
  /** Bytes taken from `dirty` that are neither staged nor given back. */
  #underWayBytes = 0;
  /** Of a replica that was only compared, until the next epoch. */
  #compared: UsedMap | null = null;
  readonly #budget: FreezeBudget;
  #backoffMs = leastBackoffMs;
  #lastPointMs = -Infinity;
  readonly #waiting: Waiting;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const { volume, longestHookMs } = options.replicationSource;
    const limitMs = options.maxFreezeMs + longestHookMs + freezeSlackMs;
    this.#waiting = new Waiting(volume.identity.path, limitMs);
    this.#budget = new FreezeBudget(options.maxFreezeMs);
    this.#replicaRecord = options.replicaRecord;
    this.#next = options.begin;
    this.#state = options.begin === 'seed' ? 'seeding' : 'comparing';
    this.#generation = options.replicationSource.generation;
    options.replicationSource.subscribe(this.dirty);
  }

  get name(): string {
    return this.#options.name;
  }

  get replicaRecord(): ReplicaRecord {
    return this.#replicaRecord;
  }

  get state(): ReplicaState {
    const { hook, generation } = this.#options.replicationSource;
    const { overdue } = this.#waiting;
    const error = this.#error ?? overdue?.error ?? null;
    const errorSince = error === null ? null : (overdue?.since ?? this.#since);
    // With the tracker started anew nothing proves any longer that the target has everything.
    const mustCompare = this.#state === 'following' && generation !== this.#generation;
    const state = mustCompare ? 'comparing' : this.#state;
    const own = { state, since: this.#since, hook: null, error, errorSince } as const;
    if (this.#state === 'hook') return { ...own, hook: 'after-epoch' };
    const waitsForHook = hook !== null && this.#waiting.isAsking;
    return waitsForHook ? { ...own, state: 'hook', since: hook.since, hook: hook.name } : own;
  }

  /** What the target does not have yet, as far as it was drained. */
  get behindBytes(): number {
    const own = this.dirty.isDue ? this.dirty.bytes : 0;
    return own + this.#underWayBytes + totalBytes(this.#options.journal.staged);
  }

  /** Follows until the signal; rejects with what trying again does not mend. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    for (;;) {
      const error = await withVolumeErrors(this.name, () => this.#session()).catch(
        (reason: unknown) => reason,
      );
      if (signal.aborted) {
        // What failed at the very end, or again, is what it ends with, and no good end.
        const isPassing = isLostFreeze(error) || error instanceof MissedWrites;
        if (error instanceof FastsyncError && !isPassing) this.#error = error;
        break;
      }
      await this.#fail(error);
    }
    await this.#abandon().catch(() => undefined);
    // What it has waited for in vain is what it ends with.
    this.#enter('stopped', this.state.error);
  }

  async #fail(failure: unknown): Promise<void> {
    const { signal } = this.#options;
    if (failure instanceof MissedWrites) {
      await this.#abandon();
      return;
    }
    if (isFatal(failure)) {
      this.#enter('failed', failure as Error);
      throw failure;
    }
    this.#enter('failed', failure as Error);
    const [least, most] = isVainFreeze(failure)
      ? [leastFreezeBackoffMs, mostFreezeBackoffMs]
      : [leastBackoffMs, mostBackoffMs];
    const waitMs = Math.min(most, Math.max(least, this.#backoffMs));
    this.#backoffMs = 2 * waitMs;
    const { message, remedy } = failure as Partial<FastsyncError>;
    const advice = remedy === undefined ? '' : ` (${remedy})`;
    const again = `trying again in ${waitMs / 1000} s`;
    this.#note('warning', `${this.name}: ${message ?? String(failure)}${advice}; ${again}`);
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }

  /** As long as nothing fails: it ends by rejecting. */
  async #session(): Promise<never> {
    const { replicationSource, intervalMs, signal } = this.#options;
    await using opened = await this.#options.open();
    const { volume } = opened;
    await this.#settle(volume);
    for (;;) {
      signal.throwIfAborted();
      if (!(await volume.isInPlace())) throw targetChanged(this.name);
      if (replicationSource.generation !== this.#generation && this.#next === 'follow')
        this.#next = 'compare';
      this.#generation = replicationSource.generation;
      if (this.#next === 'seed') await this.#seed(volume);
      else if (this.#next === 'compare') await this.#compare(volume);
      if (this.dirty.isDue || (await replicationSource.look()) > 0)
        await this.#epoch(volume, this.#toJournal);
      if (replicationSource.generation !== this.#generation) continue;
      this.#enter('following');
      this.#backoffMs = leastBackoffMs;
      const waitMs = Math.max(20, intervalMs - (performance.now() - this.#lastPointMs));
      await sleep(Math.min(waitMs, intervalMs), undefined, { signal });
    }
  }

  /** Finishes what an earlier session committed, if the target is still the one that it was meant for. */
  async #settle(volume: Volume): Promise<void> {
    const { journal } = this.#options;
    const finding = await findCommitted(journal, this.#replicaRecord, volume);
    if (finding.kind === 'committed') {
      await this.#apply(volume, finding.record);
      return;
    }
    if (finding.isDamaged) {
      this.#note('warning', `${this.name}: its journal is damaged and is not applied`);
    }
    // Whatever this run has staged there is on no target.
    this.dirty.add(journal.staged);
    await journal.reset();
    if (finding.kind === 'unfinished') this.#next = 'seed';
    else if (finding.kind === 'foreign' && this.#next === 'follow') throw targetChanged(this.name);
  }

  /** Copies what is in use straight onto the target, which carries no signature until it is whole. */
  async #seed(volume: Volume): Promise<void> {
    const { replicationSource, journal } = this.#options;
    this.#enter('seeding');
    await journal.reset();
    const sizeBytes = replicationSource.volume.identity.sizeBytes;
    const isHalfDone = await isUnfinished(volume);
    // The stamp first, and before it the word whose it is: the next run knows the target by both.
    this.#replicaRecord = { ...this.#replicaRecord, runId: this.#runId };
    await this.#options.replicaFile.save(this.#replicaRecord);
    await writeStamp(volume, this.#runId);
    const stampBytes = stampSectorBytes(volume);
    const head = extentOf(stampBytes, Math.min(headerBytes, sizeBytes) - stampBytes);
    await clear({ target: volume.endpoint, extents: head, mode: 'zero' }).done;
    const map = await replicationSource.map();
    const { body, head: usedHeader, free } = planCopy(map.ranges, sizeBytes);
    this.#tellWiped(await wipeFormer(volume, { ...layoutOf(map), free }));
    this.dirty.add(union(body, usedHeader));
    await this.#epoch(volume, async (extents, ioOptions, watch) => {
      const all = clip(extents, signatureAreaBytes, sizeBytes);
      if (all.length === 0) return;
      const source = replicationSource.volume.endpoint;
      const targets = [volume.endpoint];
      const job = copy({ ...ioOptions, source, targets, extents: all, compare: isHalfDone });
      if ((await watchJob(job, watch)).cancelled) throw abortOf(watch.signal);
    });
  }

  /** Finds what differs and leaves it to the next epoch; until then the target is what it was. */
  async #compare(volume: Volume): Promise<void> {
    const { replicationSource, ioOptions, signal } = this.#options;
    this.#enter('comparing');
    const map = await replicationSource.map();
    const job = compare({
      ...ioOptions,
      left: replicationSource.volume.endpoint,
      right: volume.endpoint,
      extents: usedExtents(map.ranges),
      granularityBytes: Math.min(replicationSource.granularityBytes, 1024 * 1024),
    });
    const watch = { signal, onProgress: this.#progress('comparing') };
    const { differentRanges, unreadableRanges, cancelled } = await watchJob(job, watch);
    if (cancelled) throw abortOf(signal);
    const differing = union(differentRanges, unreadableRanges);
    this.#note('info', `${this.name}: compared, ${totalBytes(differing)} bytes differ`);
    // With the signature area there is always an epoch, and a moment that the target is the state of.
    this.dirty.add(union(differing, signatureAreaOf(replicationSource.volume.identity.sizeBytes)));
    this.#compared = map;
    this.#next = 'follow';
  }

  readonly #toJournal: Sink = (extents, ioOptions, watch) => {
    const { replicationSource, journal } = this.#options;
    return journal.stage(replicationSource.volume.endpoint, extents, ioOptions, watch);
  };

  /** One epoch: stage while writing goes on, stage the last of it while the source stands still, apply. */
  async #epoch(volume: Volume, sink: Sink): Promise<void> {
    const { replicationSource, journal } = this.#options;
    if (sink === this.#toJournal) this.#enter('staging');
    let record: CommitRecord;
    let point: ConsistencyPoint;
    try {
      point = await this.#reachPoint(sink);
      if (replicationSource.generation !== this.#generation) throw this.#missed();
      this.#lastPointMs = performance.now();
      record = await journal.commit({
        runId: this.#runId,
        source: this.#replicaRecord.source.stableId,
        sourcePath: this.#replicaRecord.source.path,
        target: this.#replicaRecord.target.stableId,
        epoch: this.#replicaRecord.epoch + 1,
        frozenAt: point.frozenAt,
        before: await sectorDigests(volume.reader),
      });
    } catch (error) {
      await this.#abandon();
      throw error;
    }
    await this.#apply(volume, record, point.heldMs);
  }

  /** Tries until a freeze lasts: what is staged stays good, because later writes show in the tracker. */
  async #reachPoint(sink: Sink): Promise<ConsistencyPoint> {
    const { replicationSource, intervalMs, signal } = this.#options;
    for (;;) {
      await this.#converge(sink);
      try {
        const stageLast = (stop: AbortSignal) => this.#stageLast(sink, stop);
        const asked = { dirty: this.dirty, stageLast };
        const point = await this.#waiting.ask(() => replicationSource.point(asked));
        this.#budget.kept();
        this.#waiting.over();
        return point;
      } catch (error) {
        if (!isLostFreeze(error) || isFatal(error)) throw error;
        this.#waiting.failed(error as Error);
        if (this.#budget.lost()) {
          this.#note('warning', `${this.name}: ${(error as Error).message}; trying again`);
        }
        // Writers have waited in vain again and again, and less to do has not helped.
        if (isVainFreeze(error) && this.#budget.isExhausted) throw error;
      }
      await sleep(intervalMs, undefined, { signal });
    }
  }

  /** Stages until what is left fits into a freeze. */
  async #converge(sink: Sink): Promise<void> {
    const { replicationSource, signal } = this.#options;
    for (let round = 1; ; round++) {
      await this.#waiting.ask(() => replicationSource.writeBack());
      await replicationSource.drain();
      if (replicationSource.generation !== this.#generation) throw this.#missed();
      const bytes = this.dirty.bytes;
      if (this.#budget.fits(bytes, round > 1)) return;
      if (round > patientRounds && this.#budget.mayDo(bytes)) return;
      if (round === patientRounds + 1) {
        this.#note('warning', `${this.name}: the source is written faster than it can be staged`);
      }
      const isAlmostReady = bytes <= mostFrozenBytes;
      if (isAlmostReady) replicationSource.almostReady++;
      try {
        await this.#stage(sink, this.#options.ioOptions, signal);
      } finally {
        if (isAlmostReady) replicationSource.almostReady--;
      }
    }
  }

  async #stageLast(sink: Sink, signal: AbortSignal): Promise<void> {
    const { replicationSource, ioOptions } = this.#options;
    // More may have been written since the last look than anybody should wait for.
    const { bytes } = this.dirty;
    if (this.#budget.isBeyond(bytes)) throw tooLarge(replicationSource.volume.identity.path, bytes);
    // Writers wait: whatever limits the rate otherwise does not hold now.
    const urgent = { ...ioOptions, bytesPerSecond: 0 };
    await this.#stage(sink, urgent, signal);
    await this.#toJournal(signatureAreaOf(replicationSource.volume.identity.sizeBytes), urgent, {
      signal,
    });
  }

  /** Stages all that is dirty; what could not be staged is dirty again. */
  async #stage(sink: Sink, ioOptions: IoOptions, signal: AbortSignal): Promise<void> {
    const { sizeBytes } = this.#options.replicationSource.volume.identity;
    // The signature area comes last, with every epoch.
    const extents = subtract(this.dirty.take(), signatureAreaOf(sizeBytes));
    if (extents.length === 0) return;
    const bytes = totalBytes(extents);
    this.#underWayBytes = bytes;
    const startedMs = performance.now();
    const progress = this.#state === 'seeding' ? this.#progress('seeding') : () => undefined;
    const onProgress: Watch['onProgress'] = (now) => {
      this.#underWayBytes = bytes - now.completedBytes;
      progress(now);
    };
    try {
      await sink(extents, ioOptions, { signal, onProgress });
    } catch (error) {
      this.dirty.add(extents);
      throw error;
    } finally {
      this.#underWayBytes = 0;
    }
    this.#budget.measured(bytes, (performance.now() - startedMs) / 1000);
  }

  async #apply(volume: Volume, record: CommitRecord, heldMs: number | null = null) {
    const { journal, ioOptions, reporter, onEpoch } = this.#options;
    if (this.#state !== 'seeding') this.#enter('applying');
    // Not to be interrupted: half of it is of no use to anybody.
    await applyEpoch(journal, record, volume, { ioOptions: { ...ioOptions, bytesPerSecond: 0 } });
    const replicaRecord = {
      ...this.#replicaRecord,
      epoch: record.epoch,
      consistentAt: record.frozenAt,
      signatureArea: await signatureAreaDigest(volume.reader),
    };
    // Until it is known whose replica this is the record stands for it, and is applied again.
    await this.#options.replicaFile.save(replicaRecord);
    this.#replicaRecord = replicaRecord;
    await journal.reset();
    await this.#wipeCompared(volume, record);
    // What an earlier run staged says nothing of what was written between it and this one.
    if (this.#next === 'seed') this.#next = record.runId === this.#runId ? 'follow' : 'compare';
    reporter.report({
      type: 'epoch',
      target: this.name,
      epoch: record.epoch,
      bytes: totalBytes(Float64Array.from(record.extents)),
      heldMs,
      consistentAt: new Date(record.frozenAt).toISOString(),
    });
    if (onEpoch === null) return;
    this.#enter('hook');
    await onEpoch(this.#replicaRecord);
  }

  async #wipeCompared(volume: Volume, { extents }: CommitRecord): Promise<void> {
    const map = this.#compared;
    this.#compared = null;
    if (map === null) return;
    const { replicationSource } = this.#options;
    const written = Float64Array.from(extents);
    this.#tellWiped(await wipeFormerLife(volume, replicationSource.volume, map, written));
  }

  #tellWiped(former: readonly string[]): void {
    for (const what of former) this.#note('info', `${this.name}: wiped ${what} of its former life`);
  }

  /** Gives what was staged back to the dirty set; the target is what it was. */
  async #abandon(): Promise<void> {
    const { journal } = this.#options;
    if ((await journal.committed()) !== null) return;
    this.dirty.add(journal.staged);
    await journal.reset();
  }

  #missed(): MissedWrites {
    return new MissedWrites(this.#replicaRecord.source.path, 'the tracker was started anew');
  }

  #enter(state: LiveState, error: Error | null = null): void {
    const isNew = state !== this.#state;
    if (isNew) this.#since = Date.now();
    this.#state = state;
    this.#error = error;
    if (isNew) this.#options.onState();
  }

  #note(severity: 'info' | 'warning', message: string): void {
    const code = severity === 'warning' ? 'LIVE_TROUBLE' : 'LIVE';
    this.#options.reporter.report({ type: 'note', severity, code, message });
  }

  #progress(phase: string): NonNullable<Watch['onProgress']> {
    const meter = new Meter();
    return ({ completedBytes, totalBytes: all, badBytes }) => {
      const reading = { phase, completedBytes, totalBytes: all, badBytes, skippedBytes: 0 };
      this.#options.reporter.report(meter.sample(performance.now(), reading));
    };
  }
}
