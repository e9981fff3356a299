/**
 * Follows the source with one target at that target's own pace: seeds or compares it, then applies epoch
 * after epoch.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UsedMap } from '../../../fsparsers/index.js';
import { totalBytes } from '../../region/index.js';
import { type Volume, withVolumeErrors } from '../../volume/index.js';
import { DirtySet, replicaExtents } from '../consistency/dirty-set.js';
import { failureOf, targetChanged } from './errors.js';
import { type Content, type Facts, leastBackoffMs, nextStep, type Step } from './next-step.js';
import type { OpenTarget } from './open-target.js';
import { stallAmong, Waiting } from './overdue.js';
import type { ReplicaRecord } from './replica-file.js';
import type { ReplicaOptions } from './replica-options.js';
import { type ReplicaState, ReplicaStatus } from './replica-state.js';
import { applyCommitted, reportEpoch, wipeCompared } from './steps/apply.js';
import { compareTarget } from './steps/compare.js';
import { abandon, type CommittedEpoch, type StepContext } from './steps/context.js';
import { readJournal } from './steps/read-journal.js';
import { seedTarget } from './steps/seed.js';
import { journalSink, Stager } from './steps/stage.js';

/** What a freeze may take beyond its limit and the commands around it: freezes by others, a slow host. */
const freezeSlackMs = 15_000;
const leastPauseMs = 20;

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #context: StepContext;
  readonly #waiting: Waiting;
  readonly #stager: Stager;
  readonly #status: ReplicaStatus;
  #opened: OpenTarget | null = null;
  #journal: 'unread' | 'read' = 'unread';
  #content: Content;
  #committed: CommittedEpoch | null = null;
  /** The map of a replica that was only compared, until its next epoch. */
  #compared: UsedMap | null = null;
  #hook: Facts['hook'] = 'none';
  #pause: Facts['pause'] = 'over';
  /** The tracker generation under which the content was determined. */
  #generation: number;
  /** The error of the last step, until the next step handles it. */
  #failure: { readonly error: unknown } | null = null;
  #backoffMs = leastBackoffMs;

  constructor(options: ReplicaOptions) {
    const { replicationSource, begin, maxFreezeMs } = options;
    const { volume, longestHookMs, writes } = replicationSource;
    const dirty = new DirtySet(replicaExtents);
    this.#options = options;
    this.#context = { ...options, dirty, runId: randomUUID() };
    const limitMs = maxFreezeMs + longestHookMs + freezeSlackMs;
    this.#waiting = new Waiting(volume.identity.path, limitMs);
    this.#stager = new Stager(this.#context, this.#waiting, maxFreezeMs);
    this.#content = begin === 'seed' ? 'nothing' : 'unproven';
    this.#status = new ReplicaStatus(begin === 'seed' ? 'seeding' : 'comparing', {
      waiting: this.#waiting,
      stall: () => stallAmong([volume.identity.path, options.name], options.stalls),
      runningHook: () => replicationSource.hook,
      mustCompare: () => writes.generation !== this.#generation,
      onState: options.onState,
    });
    this.#generation = writes.generation;
    writes.subscribe(dirty);
  }

  get name(): string {
    return this.#options.name;
  }

  get record(): ReplicaRecord {
    return this.#options.store.record;
  }

  get state(): ReplicaState {
    return this.#status.now;
  }

  /** Bytes that the target lacks, as far as the tracker was drained. */
  get behindBytes(): number {
    const { dirty, journal } = this.#context;
    const due = dirty.isDue ? dirty.bytes : 0;
    return due + this.#stager.underWayBytes + totalBytes(journal.staged);
  }

  /** Follows until the signal fires; rejects with an error that retrying cannot fix. */
  async run(): Promise<void> {
    for (;;) {
      // A failure while gathering the facts becomes a fact.
      const facts = (await this.#attempt(() => this.#facts())) ?? (await this.#facts());
      const step = nextStep(facts);
      this.#status.enter(step.kind, this.#content, this.#failure?.error);
      if (step.kind === 'give up') throw this.#failure?.error as Error;
      if (step.kind === 'stop') {
        await this.#close();
        await abandon(this.#context).catch(() => undefined);
        return;
      }
      await this.#attempt(() => this.#take(step));
    }
  }

  async #facts(): Promise<Facts> {
    const { replicationSource, signal, intervalMs, dirty } = this.#context;
    const { writes } = replicationSource;
    const volume = this.#opened?.volume;
    const isBetweenEpochs =
      this.#failure === null && this.#journal === 'read' && this.#committed === null;
    const isReplaced = isBetweenEpochs && volume !== undefined && !(await volume.isInPlace());
    const mayStage =
      isBetweenEpochs && this.#content === 'replica' && this.#pause === 'over' && !signal.aborted;
    const isPending = dirty.isDue || (mayStage && (await writes.look()) > 0);
    const untilPauseMs = Math.max(leastPauseMs, intervalMs - this.#stager.sinceLastPointMs);
    return {
      isStopped: signal.aborted,
      failure: this.#failure === null ? null : failureOf(this.#failure.error),
      backoffMs: this.#backoffMs,
      target: volume === undefined ? 'closed' : isReplaced ? 'replaced' : 'open',
      journal:
        this.#committed === null ? (this.#journal === 'read' ? 'empty' : 'unread') : 'committed',
      content: this.#content,
      // Read after the look, which may have restarted the tracker.
      tracker: writes.generation === this.#generation ? 'same' : 'new',
      hook: this.#hook,
      pause: this.#pause,
      pauseMs: Math.min(untilPauseMs, intervalMs),
      writes: isPending ? 'pending' : 'none',
    };
  }

  /** Runs a part of a step. Null where it failed: the target is closed, and the failure becomes a fact. */
  async #attempt<Result>(action: () => Promise<Result>): Promise<Result | null> {
    try {
      return await withVolumeErrors(this.name, action);
    } catch (error) {
      await this.#close();
      this.#failure = { error };
      return null;
    }
  }

  /** Forgets what was known about the target and its journal; it applied to the opened volume. */
  async #close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    this.#journal = 'unread';
    this.#committed = null;
    this.#hook = 'none';
    this.#pause = 'over';
    await opened?.close();
  }

  async #take(step: Exclude<Step, { readonly kind: 'stop' | 'give up' }>): Promise<void> {
    const { replicationSource } = this.#context;
    switch (step.kind) {
      case 'start over':
        this.#failure = null;
        return abandon(this.#context);
      case 'back off':
        return this.#backOff(step.ms);
      case 'open':
        this.#opened = await this.#options.open();
        return;
      case 'refuse target':
        throw targetChanged(this.name);
      case 'read journal':
        return this.#readJournal();
      case 'apply':
        return this.#apply();
      case 'run hook':
        this.#hook = 'none';
        return this.#options.onEpoch?.(this.record);
      case 'seed':
        this.#generation = replicationSource.writes.generation;
        this.#committed = await seedTarget(this.#context, this.#stager, this.#volume);
        return;
      case 'compare':
        this.#generation = replicationSource.writes.generation;
        this.#compared = await compareTarget(this.#context, this.#volume);
        this.#content = 'replica';
        return;
      case 'stage':
        return this.#stage();
      case 'wait':
        this.#backoffMs = leastBackoffMs;
        this.#pause = 'over';
        await this.#sleep(step.ms);
        return;
    }
  }

  get #volume(): Volume {
    if (this.#opened === null) throw new Error('Expected an open target');
    return this.#opened.volume;
  }

  async #backOff(ms: number): Promise<void> {
    this.#context.notes.retry(this.#failure?.error, ms);
    this.#failure = null;
    this.#backoffMs = 2 * ms;
    await this.#sleep(ms);
  }

  /** Returns early when the run is told to stop. */
  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#context;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  async #readJournal(): Promise<void> {
    const finding = await readJournal(this.#context, this.#volume);
    this.#journal = 'read';
    if (finding.kind === 'committed') this.#committed = { record: finding.record, waitedMs: null };
    if (finding.kind === 'unfinished') this.#content = 'nothing';
    if (finding.kind === 'foreign' && this.#content === 'replica') throw targetChanged(this.name);
  }

  async #stage(): Promise<void> {
    this.#committed = await this.#stager.stage({
      volume: this.#volume,
      sink: journalSink(this.#context),
      generation: this.#generation,
    });
    this.#pause = 'due';
  }

  async #apply(): Promise<void> {
    const committed = this.#committed;
    if (committed === null) throw new Error('Expected a committed epoch');
    const { record } = committed;
    await applyCommitted(this.#context, this.#volume, committed);
    this.#committed = null;
    const compared = this.#compared;
    this.#compared = null;
    if (compared !== null) await wipeCompared(this.#context, this.#volume, compared, record);
    // An epoch staged by an earlier run lacks the writes between the two runs.
    const isOwn = record.runId === this.#context.runId;
    if (this.#content === 'nothing') this.#content = isOwn ? 'replica' : 'unproven';
    reportEpoch(this.#context, committed);
    if (this.#options.onEpoch !== null) this.#hook = 'due';
  }
}
