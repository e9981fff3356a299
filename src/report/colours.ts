/** The colours of a terminal. */

import { Chalk } from 'chalk';
import type { Emphasis } from './plain.js';

const chalk = new Chalk({ level: 1 });

export const colours: Emphasis = {
  error: chalk.red,
  warning: chalk.yellow,
  good: chalk.green,
  faint: chalk.dim,
};
