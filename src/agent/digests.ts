/** The digest requests of a session: one job each, which may be cancelled. */

import { digestCells, type DigestResult, type Job } from '../engine/index.js';
import { decodeExtents, encodeNumbers } from '../protocol/lists.js';
import { digestLimits, type Request } from '../protocol/messages.js';
import { bounded } from '../region/index.js';
import type { HostVolume } from '../volume/index.js';
import type { Answer, Answered } from './answer.js';
import { refused } from './permissions.js';

const progressEveryMs = 500;

export class Digests {
  readonly #jobs = new Map<number, Job<DigestResult>>();

  has(id: number): boolean {
    return this.#jobs.has(id);
  }

  cancel(id: number): void {
    this.#jobs.get(id)?.cancel();
  }

  cancelAll(): void {
    for (const job of this.#jobs.values()) job.cancel();
  }

  /** `send` delivers progress messages. Rejects with AGENT_REFUSED and as the engine does. */
  async run(
    { endpoint: source, identity }: HostVolume,
    request: Extract<Request, { type: 'digest' }>,
    attachment: Uint8Array,
    send: (message: object) => void,
  ): Promise<Answered> {
    const { id, algorithm, cellBytes, bytesPerSecond } = request;
    const extents = decodeExtents(attachment, identity.sizeBytes);
    if (extents === null || cellsOf(extents, cellBytes) > digestLimits.cells) {
      throw refused('a list of extents that is none');
    }
    const job = digestCells({ source, extents, algorithm, cellBytes, bytesPerSecond });
    this.#jobs.set(id, job);
    const timer = setInterval(() => {
      send({ id, type: 'progress', progress: job.progress() });
    }, progressEveryMs);
    try {
      return answerOf(await job.done);
    } finally {
      clearInterval(timer);
      this.#jobs.delete(id);
    }
  }
}

function answerOf(result: DigestResult): Answered {
  const { cells, digests, progress, backend, cancelled } = result;
  // Too many extents are merged: slightly more then counts as unreadable, and is requested again.
  const unreadable = bounded(result.unreadableRanges, digestLimits.extents);
  const body: Answer<'digest'> = {
    cells: cells.length,
    digestBytes: digests.length,
    unreadable: unreadable.length / 2,
    progress,
    backend,
    cancelled,
  };
  const attachment = Buffer.concat([encodeNumbers(cells), digests, encodeNumbers(unreadable)]);
  return { body, attachment };
}

/** An upper limit of the number of cells that the extents touch. */
function cellsOf(extents: Float64Array, cellBytes: number): number {
  let cells = 0;
  for (let index = 0; index < extents.length; index += 2) {
    const start = extents[index] as number;
    const end = start + (extents[index + 1] as number);
    cells += Math.ceil(end / cellBytes) - Math.floor(start / cellBytes);
  }
  return cells;
}
