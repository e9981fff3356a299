/** The record that commits an epoch: written when everything that it names is durable in the journal. */

import { createHash } from 'node:crypto';
import { isCount, isExtents, isMoment } from '../state-file.js';

const schema = 'fastsync-journal/3';

export interface CommitRecord {
  readonly schema: typeof schema;
  /** The run that staged the epoch. The target carries this ID as its stamp while the epoch is applied. */
  readonly runId: string;
  /** Stable names, and the path that the user gave. */
  readonly source: string;
  readonly sourcePath: string;
  readonly target: string;
  readonly sizeBytes: number;
  readonly epoch: number;
  /** Milliseconds since 1970: the moment whose state of the source the epoch holds. */
  readonly frozenAt: number;
  /** Pairs of start and length. Offsets in the journal equal offsets on the volume. */
  readonly extents: readonly number[];
  /** XXH3-128 over the cells' digests of the staged bytes, in hexadecimal: see journal.ts. */
  readonly digest: string;
  /** XXH3-128 of each sector of the target's signature area before the epoch: the epoch is applied only to such a target. */
  readonly before: readonly string[];
  /** XXH3-128 of the signature area (signature-area.ts) after the epoch: a target that has it already holds the epoch. */
  readonly signatureArea: string;
  /** SHA-256 over the record without this field. */
  readonly checksum: string;
}

/** Adds the schema and the checksum. */
export function newCommitRecord(record: Omit<CommitRecord, 'schema' | 'checksum'>): CommitRecord {
  const body = { schema, ...record } as const;
  return { ...body, checksum: checksumOf(body) };
}

/** Whether a file, which may be damaged, holds what newCommitRecord() made. */
export function isCommitRecord(value: unknown): value is CommitRecord {
  const candidate = value as Partial<Record<keyof CommitRecord, unknown>> | null;
  if (candidate?.schema !== schema) return false;
  const { checksum, ...body } = candidate;
  const extents = candidate.extents;
  const sizeBytes = candidate.sizeBytes;
  return (
    typeof candidate.runId === 'string' &&
    typeof candidate.source === 'string' &&
    typeof candidate.sourcePath === 'string' &&
    typeof candidate.target === 'string' &&
    typeof candidate.digest === 'string' &&
    typeof candidate.signatureArea === 'string' &&
    Array.isArray(candidate.before) &&
    isCount(candidate.epoch) &&
    isMoment(candidate.frozenAt) &&
    isCount(sizeBytes) &&
    isExtents(extents) &&
    (extents.at(-2) ?? 0) + (extents.at(-1) ?? 0) <= sizeBytes &&
    checksum === checksumOf(body)
  );
}

function checksumOf(body: object): string {
  const sorted = Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}
