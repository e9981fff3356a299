/** Finds and loads the built engine: the one that the package carries, else the one built here. */

import { createRequire } from 'node:module';

import { exitCodes, FastsyncError } from '../errors.js';
import type { Requests } from '../in-flight.js';
import { nativeFiles } from '../package-root.js';
import type {
  CompareResult,
  CopyResult,
  DeviceInfo,
  ExtentList,
  IoFailure,
  Progress,
} from './types.js';

/** The kinds of job that native/ knows. */
export type JobKind = 'copy' | 'compare' | 'clear' | 'digest' | 'serve';

/** What every native job's promise gives. */
export interface NativeOutcome {
  readonly progress: Progress;
  readonly backend: 'uring' | 'threads' | '';
  readonly cancelled: boolean;
  readonly failure: IoFailure | null;
  readonly targetFailures: CopyResult['targetFailures'];
  /** Of the source, and of each target. Empty where the job could not begin. */
  readonly linkFailures: readonly (IoFailure | null)[];
  readonly badRanges: ExtentList;
  readonly differentRanges: CompareResult['differentRanges'];
  readonly cells: Float64Array;
  readonly digests: Uint8Array;
}

/** A job that native/ runs on a thread of its own. */
export interface NativeJob {
  progress(): Progress;
  /** Of the source (the only side of a digest), and of each target. */
  requests(): readonly Requests[];
  cancel(): void;
  readonly done: Promise<NativeOutcome>;
}

/** The face of native/addon/. It trusts its arguments: they are validated in this folder. */
export interface Addon {
  readonly Job: new (kind: JobKind, request: object) => NativeJob;
  deviceInfo(fd: number): DeviceInfo;
  /** The promise gives a failure where there was one. */
  nextData(fd: number, offsetBytes: number): Promise<number | IoFailure>;
  /** Null: no block device, or none that the kernel has cached. */
  cachedDevice(path: string): Promise<string | null>;
  /** The promise gives a failure where there was one. */
  readPast(fd: number, offsetBytes: number, lengthBytes: number): Promise<Uint8Array | IoFailure>;
  /** The two ends of a stream, both closed in children. */
  socketPair(): [number, number];
  duplicateDescriptor(fd: number): number;
  /** 0, or an errno. */
  notifySocket(path: string, message: string): number;
  /**
   * The second SIGINT, SIGTERM or SIGHUP ends the process within about a second if JavaScript does not.
   * `isScreen`: stderr is a terminal on which the cursor may be hidden.
   */
  watchSignals(exitCode: number, isScreen: boolean): void;
  unwatchSignals(): void;
  /** Ends the process without waiting for any of its threads. */
  exitNow(exitCode: number): void;
  /** Which queue `auto` takes here. */
  backend(): 'uring' | 'threads';
  digest(bytes: Uint8Array): Uint8Array;
  /** XXH3-64 with a seed over both, in canonical order. */
  frameChecksum(seed: bigint, head: Uint8Array, payload: Uint8Array): Uint8Array;
  digestFlavour(): 'baseline' | 'avx2' | 'avx512';
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
}

function load(): Addon {
  const require = createRequire(import.meta.url);
  for (const file of nativeFiles('fastsync.node')) {
    try {
      return require(file) as Addon;
    } catch (error) {
      if (isMissing(error)) continue;
      throw new FastsyncError({
        code: 'ENGINE_UNUSABLE',
        exitCode: exitCodes.usage,
        message: `the native engine cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
        remedy: 'build it for this machine with "npm run build"',
        cause: error,
      });
    }
  }
  throw new FastsyncError({
    code: 'ENGINE_MISSING',
    exitCode: exitCodes.usage,
    message: `there is no native engine for linux-${process.arch}`,
    remedy: 'run "npm run build"',
  });
}

let loaded: Addon | undefined;

/** The engine, loaded when first asked for; FastsyncError when it is not there. */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}
