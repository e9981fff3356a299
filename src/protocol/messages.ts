/** All control messages between the two sides, and their validation. */

import * as z from 'zod';

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
/** Text from the peer as shown to the user: of limited length and without terminal control characters. */
const sentence = z
  .string()
  .max(4096)
  .transform((text) => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' '));
const name = z.string().min(1).max(4096);
const id = z
  .int()
  .min(1)
  .max(2 ** 31);

/** Digest algorithms of the engine; see engine/types.ts. */
const algorithm = z.enum(['xxh3-128', 'sha256']);

/** Limits on the parts of a digest request, so that neither side needs more than a few MiB for it. */
export const digestLimits = { extents: 32_768, cells: 65_536 } as const;
export const mostReadBytes = 1024 * 1024;
const mostDigestBytes = 32;
/** The most lines that describe what is on a volume. */
export const mostHeld = 64;
/** So many of each kind that use a volume are named, at the most; and so long a name is. */
export const mostUsers = 16;
export const mostShown = 1024;

const requests = {
  /** The first message. `seed`: 16 hexadecimal digits, for the checksums of all later frames. */
  hello: z.strictObject({ id, type: z.literal('hello'), seed: z.string().regex(/^[0-9a-f]{16}$/) }),
  /** Opens the volume of the session for reading. */
  open: z.strictObject({ id, type: z.literal('open'), path: name }),
  read: z.strictObject({
    id,
    type: z.literal('read'),
    offsetBytes: count,
    lengthBytes: z.int().min(0).max(mostReadBytes),
  }),
  /** Carries a list of extents: pairs of start and length, 8 bytes each. */
  digest: z.strictObject({
    id,
    type: z.literal('digest'),
    attached: z
      .int()
      .min(16)
      .max(digestLimits.extents * 16),
    algorithm,
    cellBytes: z
      .int()
      .min(512)
      .max(16 * 1024 * 1024),
    bytesPerSecond: count,
  }),
  /** Cancels a digest request; it still gets its reply. */
  cancel: z.strictObject({ id, type: z.literal('cancel'), of: id }),
  writeCounter: z.strictObject({ id, type: z.literal('writeCounter') }),
  /** Inspects a target before a run; writes nothing. */
  inspect: z.strictObject({ id, type: z.literal('inspect'), path: name }),
  /** Opens a target for writing: creates or resizes a file, and locks it. */
  openTarget: z.strictObject({
    id,
    type: z.literal('openTarget'),
    path: name,
    sizeBytes: count,
    /** In addition to the exclusive open of a device. */
    exclusive: z.boolean(),
    /** The overrides that the driver's user allows. The agent's user must allow them too. */
    overrides: z.array(z.string().max(64)).max(64),
    /** The content that the user agreed to overwrite, as inspect() reported it. */
    holds: z.array(sentence).max(mostHeld),
    /** The stamp of an unfinished copy that this run may resume. */
    stamp: z.string().max(64).nullable(),
  }),
  /** Carries the bytes. They are durable when the reply arrives. */
  write: z.strictObject({
    id,
    type: z.literal('write'),
    attached: z.int().min(1).max(mostReadBytes),
    offsetBytes: count,
  }),
  sync: z.strictObject({ id, type: z.literal('sync') }),
  /** Returns where the next data begins. */
  nextData: z.strictObject({ id, type: z.literal('nextData'), offsetBytes: count }),
  /** Asks whether the file still has its name. */
  inPlace: z.strictObject({ id, type: z.literal('inPlace') }),
  /** After the reply the stream carries blocks, until the last of them has its reply. */
  blocks: z.strictObject({ id, type: z.literal('blocks') }),
} as const;

export const requestSchema = z.discriminatedUnion('type', [
  requests.hello,
  requests.open,
  requests.read,
  requests.digest,
  requests.cancel,
  requests.writeCounter,
  requests.inspect,
  requests.openTarget,
  requests.write,
  requests.sync,
  requests.nextData,
  requests.inPlace,
  requests.blocks,
]);

export type Request = z.infer<typeof requestSchema>;
export type RequestType = Request['type'];

/** Shown in reports, and part of the names of state files. */
const shown = z
  .string()
  .max(4096)
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/);

const identity = z.strictObject({
  path: shown,
  realPath: shown,
  kind: z.enum(['block', 'file']),
  node: z.string().regex(/^(block|file)(:\d{1,20}){2,3}$/),
  sizeBytes: count,
  logicalBlockBytes: z.int().min(512).max(65_536),
  readOnly: z.boolean(),
  stableId: shown,
  model: shown.nullable(),
  serial: shown.nullable(),
  partitionOf: shown.nullable(),
  backingFile: shown.nullable(),
});

const progress = z.strictObject({
  totalBytes: count,
  completedBytes: count,
  durableBytes: count,
  readBytes: count,
  writtenBytes: count,
  zeroBytes: count,
  identicalBytes: count,
  verifiedBytes: count,
  badBytes: count,
  differentBytes: count,
  failedTargets: count,
});

const users = <Item extends z.ZodType>(item: Item) => z.array(item).max(mostUsers);

/** See volume/usage.ts. */
const usage = z.strictObject({
  mounts: users(
    z.strictObject({ by: shown, directory: shown, readOnly: z.boolean(), own: z.boolean() }),
  ),
  swaps: users(shown),
  holders: users(shown),
  writers: users(z.strictObject({ pid: count, command: shown })),
  elsewhere: users(shown).optional(),
});

/** The reply to each request. */
export const replies = {
  hello: z.strictObject({ id, type: z.literal('reply'), version: sentence, host: sentence }),
  open: z.strictObject({
    id,
    type: z.literal('reply'),
    identity,
    /** See fingerprintOf(). */
    fingerprint: z.string().max(4096),
  }),
  read: z.strictObject({ id, type: z.literal('reply'), attached: count.optional() }),
  /** Carries the indices of the cells that were read, their digests, and the unreadable extents. */
  digest: z.strictObject({
    id,
    type: z.literal('reply'),
    attached: count.optional(),
    cells: z.int().min(0).max(digestLimits.cells),
    digestBytes: z
      .int()
      .min(0)
      .max(digestLimits.cells * mostDigestBytes),
    unreadable: z.int().min(0).max(digestLimits.extents),
    progress,
    backend: z.enum(['uring', 'threads']),
    cancelled: z.boolean(),
  }),
  cancel: z.strictObject({ id, type: z.literal('reply') }),
  writeCounter: z.strictObject({
    id,
    type: z.literal('reply'),
    counterText: z.string().max(4096).nullable(),
    isFresh: z.boolean(),
  }),
  inspect: z.strictObject({
    id,
    type: z.literal('reply'),
    /** Null: the target does not exist. */
    found: z
      .strictObject({
        identity,
        usage,
        holds: z.array(sentence).max(mostHeld),
        stamp: z.string().max(64).nullable(),
      })
      .nullable(),
  }),
  openTarget: z.strictObject({
    id,
    type: z.literal('reply'),
    identity,
    fingerprint: z.string().max(4096),
    isNew: z.boolean(),
    isResized: z.boolean(),
  }),
  write: z.strictObject({ id, type: z.literal('reply') }),
  sync: z.strictObject({ id, type: z.literal('reply') }),
  nextData: z.strictObject({ id, type: z.literal('reply'), offsetBytes: count.nullable() }),
  inPlace: z.strictObject({ id, type: z.literal('reply'), isInPlace: z.boolean() }),
  blocks: z.strictObject({
    id,
    type: z.literal('reply'),
    /** The preferred write size of the volume: a power of two. */
    granularityBytes: z.int().min(512).max(65_536),
  }),
} as const satisfies Record<RequestType, z.ZodType>;

export type ReplyOf<Type extends RequestType> = z.infer<(typeof replies)[Type]>;

/** Sent instead of a reply. */
export const failureSchema = z.strictObject({
  id,
  type: z.literal('failure'),
  code: z.string().regex(/^[A-Z][A-Z0-9_]{1,63}$/),
  /** An exit code; never 1, which is a result and not a failure. */
  exitCode: z.union([z.literal(2), z.literal(3), z.literal(4), z.literal(6), z.literal(7)]),
  message: sentence,
  remedy: sentence.nullable(),
});

/** The progress of a digest request. */
export const progressSchema = z.strictObject({ id, type: z.literal('progress'), progress });
