/**
 * A volume of this host as the target of a run on another host. The driver shows its user what is on the
 * volume; the agent decides what may be overwritten.
 */

import type { Request } from '../protocol/messages.js';
import { mostHeld, mostShown, mostUsers } from '../protocol/messages.js';
import {
  inspectTargets,
  openHostTargets,
  refuseOtherRuns,
  type OpenTarget,
  type Target,
  type TargetSet,
} from '../sync/index.js';
import {
  type HostVolume,
  type Override,
  overrides as overrideOf,
  refusalError,
  surveyHostStorage,
  type TargetFacts,
  targetRefusals,
} from '../volume/index.js';
import { type Permissions, refused, refuseOther } from './permissions.js';

type OpenRequest = Omit<Extract<Request, { type: 'openTarget' }>, 'id' | 'type'>;

export class AgentTarget implements AsyncDisposable {
  readonly #target: Target;
  readonly #permissions: Permissions;
  #set: TargetSet<HostVolume> | null = null;

  private constructor(target: Target, permissions: Permissions) {
    this.#target = target;
    this.#permissions = permissions;
  }

  /**
   * Inspects the target and writes nothing. Rejects as inspectTargets() does, with AGENT_REFUSED, and with
   * LOCKED if another run writes to it: the driver would only see a process that has it open.
   */
  static async inspect(path: string, permissions: Permissions): Promise<AgentTarget> {
    if (permissions.readOnly) throw refused('this agent may not write, and was asked for a target');
    await refuseOther(path, permissions);
    const hostStorage = await surveyHostStorage([path]);
    const [target] = await inspectTargets([path], null, hostStorage, {});
    if (target === undefined) throw new Error('a target that was inspected is not there');
    if (target.facts !== null) await refuseOtherRuns([target.facts]);
    return new AgentTarget(target, permissions);
  }

  /** Whether open() has succeeded. */
  get isOpen(): boolean {
    return this.#set !== null;
  }

  /** Null: the target does not exist yet. */
  get found() {
    const { facts, stamp } = this.#target;
    if (facts === null) return null;
    const { mounts, swaps, holders, writers, elsewhere = [] } = facts.usage;
    return {
      identity: facts.identity,
      usage: {
        mounts: listed(mounts, ({ by, directory, readOnly, own }) => {
          return { by: printable(by), directory: printable(directory), readOnly, own };
        }),
        swaps: listed(swaps, printable),
        holders: listed(holders, printable),
        writers: listed(writers, ({ pid, command }) => ({ pid, command: printable(command) })),
        elsewhere: listed(elsewhere, printable),
      },
      holds: shortened(facts.holds),
      stamp,
    };
  }

  /**
   * Rejects with the first refusal that cannot be overridden, or that this agent's command line does not
   * allow to override, and as openHostTargets() does.
   */
  async open(request: OpenRequest): Promise<OpenTarget<HostVolume>> {
    const { path, sizeBytes, exclusive } = request;
    if (path !== this.#target.path) throw refused(`${path} was not inspected`);
    this.#refuse(request);
    this.#set = await openHostTargets([this.#target], { sizeBytes, exclusive });
    const [opened] = this.#set.targets;
    if (opened === undefined) throw new Error('a target that was opened is not there');
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#set?.[Symbol.asyncDispose]();
  }

  #refuse({ sizeBytes, overrides, holds, stamp }: OpenRequest): void {
    const { facts } = this.#target;
    if (facts === null) return;
    // An unfinished copy of the requesting run may be overwritten.
    const isOwn = stamp !== null && stamp === this.#target.stamp;
    const found: TargetFacts = isOwn ? { ...facts, holds: [] } : facts;
    const wanted = new Set(overrides);
    for (const refusal of targetRefusals(found, sizeBytes)) {
      const override: Override = overrideOf[refusal.code];
      const { allow } = this.#permissions;
      if (wanted.has(override) && allow !== null && !allow.has(override)) {
        throw refused(
          `${refusal.message}; --${override} does not count here`,
          `${refusal.remedy}, or start the agent with --allow ${override}`,
        );
      }
      if (!wanted.has(override)) throw refusalError(refusal);
      // The user agreed only to what was shown.
      const isShown = shortened(facts.holds).every((line) => holds.includes(line));
      if (refusal.code === 'TARGET_HAS_DATA' && !isShown) throw refusalError(refusal);
    }
  }
}

/** The lines that fit into a message. */
function shortened(holds: readonly string[]): string[] {
  return holds.slice(0, mostHeld).map((line) => line.slice(0, 1000));
}

/** As many as a message holds, with nothing that it does not. */
function listed<From, To>(items: readonly From[], told: (item: From) => To): To[] {
  return items.slice(0, mostUsers).map(told);
}

/** Names of directories and processes may be any bytes. */
function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?').slice(0, mostShown);
}
