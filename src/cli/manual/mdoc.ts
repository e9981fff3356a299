/** Words as mdoc(7) wants them: nothing in a text becomes a request, and what one types keeps its dashes. */

/** Text on lines of its own: "What is written", "Go on; --no-resume starts over". */
export function mdocText(text: string): string {
  const safe = text
    .replaceAll('\\', '\\e')
    // A dash would be set as a hyphen, which no shell knows.
    .replaceAll(/(?<![\w-])--?[a-z][\w-]*/g, (word) => word.replaceAll('-', '\\-'));
  return safe.replaceAll(/^([.'])/gm, '\\&$1');
}

/** One argument of a macro. */
export function mdocWord(word: string): string {
  const safe = word.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('"', '\\(dq');
  return /\s/.test(safe) ? `"${safe}"` : safe;
}

/** A line to be typed as it stands, in a literal display. */
export function mdocLiteral(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}

/** A sentence with its full stop. */
export function mdocSentence(text: string): string {
  return mdocText(/[.!?]$/.test(text) ? text : `${text}.`);
}
