/** A pair of the configuration by its name, or which names there are. */

import { type Config, nearest, type PairConfig } from '../config/index.js';
import { usage } from './values.js';

const mostNames = 20;

/** The pair of that name. Throws a usage error that names the known ones. */
export function pairNamed({ path, pairs }: Config, name: string): PairConfig {
  const found = pairs.find((pair) => pair.name === name);
  if (found !== undefined) return found;
  const names = pairs.map((pair) => pair.name);
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  const meant = nearest(name, names);
  const hint = meant === null ? '' : `; did you mean "${meant}"?`;
  const known = `its pairs are ${names.slice(0, mostNames).join(', ')}${more}`;
  throw usage(`${path} has no pair ${JSON.stringify(name)}; ${known}${hint}`);
}
