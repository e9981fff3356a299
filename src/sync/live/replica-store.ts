/** The record of a replica, saved before it takes effect. */

import type { StateFile } from '../state-file.js';
import type { ReplicaRecord } from './replica-file.js';

export class ReplicaStore {
  readonly #file: StateFile<ReplicaRecord>;
  #record: ReplicaRecord;

  constructor(file: StateFile<ReplicaRecord>, record: ReplicaRecord) {
    this.#file = file;
    this.#record = record;
  }

  get record(): ReplicaRecord {
    return this.#record;
  }

  /** Rejects as the file does; the record is unchanged then. */
  async save(change: Partial<ReplicaRecord>): Promise<void> {
    const record = { ...this.#record, ...change };
    await this.#file.save(record);
    this.#record = record;
  }
}
