/** A report as one self-contained HTML page. */

export { pageBeginning, reportPage } from './page.js';
