/** Options under the names that they had before: still taken, and named in no help. */

import { type CommandOutline, eachCommand } from './outline.js';

const newNames: Readonly<Record<string, string>> = { settle: 'lag-tolerance' };

/** The words with new names in place of old ones, where a command has the new one, and what to say of that. */
export function withNewNames(
  words: readonly string[],
  program: CommandOutline,
): { readonly words: readonly string[]; readonly deprecated: readonly string[] } {
  const known = new Set(
    [...eachCommand(program)].flatMap(({ options }) => options.map(({ name }) => name)),
  );
  const deprecated = new Set<string>();
  const end = words.indexOf('--');
  const renamed = words.map((word, index) => {
    if (end !== -1 && index > end) return word;
    const [, old = '', rest = ''] = /^--([a-z-]+)(=.*)?$/s.exec(word) ?? [];
    const name = Object.hasOwn(newNames, old) ? newNames[old] : undefined;
    if (name === undefined || !known.has(name)) return word;
    deprecated.add(`--${old} is deprecated, use --${name}`);
    return `--${name}${rest}`;
  });
  return { words: renamed, deprecated: [...deprecated] };
}
