/**
 * How many columns a text of the help takes, in place of the package string-width: that one asks
 * Intl.Segmenter, which takes longer to make than the whole command line to parse. No text of the help
 * has wide or combining characters.
 */
export default function textWidth(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : Array.from(text).length;
}
