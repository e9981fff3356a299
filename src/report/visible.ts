/** Names from disks and configurations, made safe to show: what would steer a terminal is spelt out. */

/** Control characters, lone surrogates, and what turns the direction of text or cannot be seen. */
const unseen = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060\ufeff]/gu;

/** `text` with each of those as an escape: "\u{202e}". */
export function visible(text: string): string {
  return text.replaceAll(unseen, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
