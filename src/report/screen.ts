/** Whether a stream is a terminal that understands more than lines of text. */

/** False for TERM=dumb: editors and consoles that would show the sequences themselves. */
export function isScreen(stream: NodeJS.WritableStream & { isTTY?: boolean }): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}
