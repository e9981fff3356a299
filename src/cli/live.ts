/** `fastsync live`: keep targets following a source that is in use. */

import type { Argv, InferredOptionTypes, Options } from 'yargs';
import {
  liveDirectory,
  type Hooks,
  live,
  type LiveOptions,
  type LiveResult,
  prepareLive,
  recover,
  type ReplicaRecord,
  runHook,
  stateDirectory,
} from '../sync/index.js';
import { resolveRefusals } from './confirm.js';
import { refuseRemote } from './remote-options.js';
import { describeLive, describeRecovered, statusLineOf } from './live-summary.js';
import {
  ioOptionsFrom,
  identification,
  identificationOptions,
  outputOptions,
  overridesFrom,
  overrideOptions,
  speedOptions,
} from './options.js';
import { type Context, type Outcome, runCommand } from './run.js';
import { service } from './service.js';
import { parseDuration, parseFreeze, usage } from './values.js';

const volumeOptions = {
  src: {
    type: 'string',
    group: 'Volumes:',
    describe: 'The volume to follow: a block device, as a rule mounted',
  },
  dst: {
    type: 'string',
    array: true,
    demandOption: true,
    group: 'Volumes:',
    describe: 'What follows it; may be given several times, each goes at its own pace',
  },
} as const satisfies Record<string, Options>;

const followOptions = {
  interval: {
    type: 'string',
    default: '5s',
    group: 'Following:',
    describe: 'Time between two epochs; while nothing is written there are none',
  },
  'max-freeze': {
    type: 'string',
    default: '5s',
    group: 'Following:',
    describe: 'The longest that writers may have to wait',
  },
  journal: {
    type: 'string',
    group: 'Following:',
    describe: 'Where epochs are staged, not on the source [default: live/ in the state directory]',
  },
  'after-epoch': {
    type: 'string',
    group: 'Following:',
    describe:
      'A shell command to run when an epoch is on a target, which then is written no further',
  },
  'before-freeze': {
    type: 'string',
    group: 'Following:',
    describe: 'Run this command before each freeze: flush a database',
  },
  'after-freeze': {
    type: 'string',
    group: 'Following:',
    describe: 'Run this command after it, whatever became of it',
  },
  'hook-timeout': {
    type: 'string',
    default: '60s',
    group: 'Following:',
    describe: 'How long each of these three may take',
  },
  recover: {
    type: 'boolean',
    default: false,
    group: 'Following:',
    describe:
      'Only finish, without the source, what an interrupted run had begun to write to --dst',
  },
  'state-dir': {
    type: 'string',
    group: 'Following:',
    describe: 'Where its state is kept [default: /var/lib/fastsync]',
  },
} as const satisfies Record<string, Options>;

/** A replica of a part of the source is none. */
const { 'allow-small-target': _, ...safetyOptions } = overrideOptions;

/** Adds the command to the command line. */
export function addLiveCommand(yargs: Argv): Argv {
  return yargs.command(
    'live',
    'Follow: seed targets from a source in use, then keep them the same, epoch by epoch',
    (command) =>
      command
        .options(volumeOptions)
        .options(followOptions)
        .options(identificationOptions)
        .options(speedOptions)
        .options(safetyOptions)
        .alias('yes', 'y')
        .options(outputOptions)
        .example('$0 live --src /dev/vg0/data --dst /dev/sdb', 'Follow a mounted volume')
        .example('$0 live --recover --dst /dev/sdb', 'After a crash: make the target whole'),
    (args) => runCommand('live', args, (context) => run(args, context)),
  );
}

type LiveArguments = InferredOptionTypes<
  typeof volumeOptions &
    typeof followOptions &
    typeof identificationOptions &
    typeof speedOptions &
    typeof safetyOptions
> & { readonly json: boolean };

async function run(args: LiveArguments, context: Context): Promise<Outcome> {
  const state = stateDirectory(args['state-dir']);
  const { src } = args;
  if (args.recover) {
    if (src !== undefined) throw usage('--recover needs no --src: it works from the journal');
    return describeRecovered(await recoverAll(args.dst, state));
  }
  if (src === undefined) throw usage('--src is missing: what is to be followed?');
  const journalDirectory = args.journal ?? liveDirectory(state);
  const overrides = overridesFrom(args);
  const options: LiveOptions = {
    intervalMs: parseDuration('interval', args.interval),
    maxFreezeMs: parseFreeze(args['max-freeze']),
    stateDirectory: state,
    journalDirectory,
    map: await identification(args),
    hooks: {
      beforeFreeze: args['before-freeze'] ?? null,
      afterFreeze: args['after-freeze'] ?? null,
      afterEpoch: args['after-epoch'] ?? null,
      timeoutMs: parseDuration('hook-timeout', args['hook-timeout']),
    },
    ioOptions: ioOptionsFrom(args),
    exclusive: !overrides.has('allow-busy-target') && !overrides.has('allow-mounted-target'),
  };
  refuseRemote('live', [src, ...args.dst]);
  await using prepared = await prepareLive({
    source: src,
    targets: args.dst,
    stateDirectory: state,
    journalDirectory,
    overrides,
    ...context,
  });
  await resolveRefusals(prepared.refusals);
  const manager = service();
  context.signal.addEventListener('abort', () => {
    manager.stopping();
  });
  const results = await live(prepared, options, {
    ...context,
    onLook: (targets) => {
      manager.status(statusLineOf(targets));
      // A service is up when what it is for is true: every target is a replica.
      if (targets.every(isReplicaRecord)) manager.ready();
    },
    ...(options.hooks.afterEpoch === null ? {} : { onEpoch: afterEpoch(options.hooks, context) }),
  });
  return describeLive(src, results);
}

const isReplicaRecord = ({ consistentAt, error }: LiveResult) =>
  consistentAt !== null || error !== null;

async function recoverAll(targets: readonly string[], state: string) {
  const recovered = [];
  for (const target of targets) recovered.push(await recover(target, state));
  return recovered;
}

/**
 * What the command needs to know is in its environment. Its failure is told, and stops nothing; whoever
 * stops the run gives it a moment to end.
 */
function afterEpoch(hooks: Hooks, { reporter, signal }: Context) {
  return async ({ source, target, epoch, consistentAt }: ReplicaRecord): Promise<void> => {
    const environment = {
      FASTSYNC_SOURCE: source.path,
      FASTSYNC_TARGET: target.path,
      FASTSYNC_EPOCH: String(epoch),
      FASTSYNC_CONSISTENT_AT: new Date(consistentAt ?? 0).toISOString(),
    };
    await runHook('after-epoch', hooks, environment, signal).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      reporter.report({ type: 'note', severity: 'warning', code: 'AFTER_EPOCH_FAILED', message });
    });
  };
}
