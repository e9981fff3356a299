/** A fault in the log and its position: it leads to "everything counts as used", never to a crash. */

export class LogFault extends Error {
  override readonly name: string = 'LogFault';
  /** The log block (512 bytes each) at which the log stopped making sense. */
  readonly block: number;

  constructor(what: string, block: number) {
    super(`log block ${block} ${what}`);
    this.block = block;
  }
}

/** A record that is torn, overwritten or missing: a crash may leave such records at the log's ends. */
export class RecordFault extends LogFault {
  override readonly name = 'RecordFault';
}
