/** What is wrong with the log, and where: it ends in "everything is used", never in a crash. */

export class LogFault extends Error {
  override readonly name: string = 'LogFault';
  /** The log block (512 bytes each) at which the log stopped making sense. */
  readonly block: number;

  constructor(what: string, block: number) {
    super(`log block ${block} ${what}`);
    this.block = block;
  }
}

/** A record that is torn, overwritten or none at all: at the log's ends a crash may leave such. */
export class RecordFault extends LogFault {
  override readonly name = 'RecordFault';
}
