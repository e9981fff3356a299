/**
 * Makes names from disks and configurations safe to print: characters that could control a terminal are
 * escaped.
 */

/** Control characters, lone surrogates, and characters that are invisible or change the text direction. */
const unseen = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060\ufeff]/gu;

/** `text` with each of those escaped: "\u{202e}". */
export function visible(text: string): string {
  return text.replaceAll(unseen, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
