/** Whether a stream is a terminal that supports more than lines of text. */

/** False for TERM=dumb: such editors and consoles would print the escape sequences. */
export function isScreen(stream: NodeJS.WritableStream & { isTTY?: boolean }): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}
