/** The style sheet of the page: for light and dark screens, narrow ones, and paper. */

import { createHash } from 'node:crypto';
import { Html } from './markup.js';

/** Colours that can be told apart with any colour blindness; patterns and lanes repeat the information. */
const sheet = `
:root{--page:#f7f7f5;--panel:#fff;--ink:#1d2126;--muted:#646c76;--rule:#e3e4e6;--used:#3d6594;--free:#e9ebee;--different:#c2410c;--unproven:#e3a008;--equal:#28755b;--other:#8a919a;--mark:#fff;--dot:#5a3e00}
@media screen and (prefers-color-scheme:dark){:root{--page:#121417;--panel:#1a1d21;--ink:#e4e6e9;--muted:#98a0aa;--rule:#2d3238;--used:#7ba4d9;--free:#2a2f36;--different:#f2683a;--unproven:#edb72f;--equal:#56b894;--other:#737b85;--mark:#1a1d21;--dot:#3a2800}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:40px 24px 24px}
h1{margin:0 0 20px;font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.015em;overflow-wrap:anywhere}
h2{margin:0 0 16px;font-size:17px;line-height:1.3;font-weight:650}
p{margin:0}
code{font:13px/1.5 ui-monospace,"SF Mono","DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.kind{color:var(--muted);font-size:13px}
.verdict{display:flex;gap:16px;align-items:flex-start;padding:16px 18px;border-radius:8px;background:var(--panel);border:1px solid var(--rule);border-left:5px solid var(--other);overflow-wrap:anywhere}
.verdict strong{display:block;font-size:17px}
.symbol{flex:none;width:32px;height:32px;border-radius:50%;background:var(--other);color:var(--panel);font:700 20px/32px system-ui,sans-serif;text-align:center}
.verdict.equal{border-left-color:var(--equal)}.verdict.equal .symbol{background:var(--equal)}
.verdict.different{border-left-color:var(--different)}.verdict.different .symbol{background:var(--different)}
.verdict.doubtful{border-left-color:var(--unproven)}.verdict.doubtful .symbol{background:var(--unproven);color:#2b1e00}
dl{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:14px 24px;margin:20px 0 0}
dt{color:var(--muted);font-size:13px}
dd{margin:0;overflow-wrap:anywhere}
section{margin-top:32px;padding:20px;background:var(--panel);border:1px solid var(--rule);border-radius:8px}
figure{margin:0;min-width:0}
.empty,.note,.volume figcaption p{color:var(--muted)}
.note,.volume figcaption p{font-size:13px}
.note{margin-top:12px}
.map{display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 12px}
.map svg{display:block;width:100%;height:288px}
.scale{display:grid;grid-template-rows:repeat(8,1fr);font-size:12px;line-height:18px;color:var(--muted);text-align:right;white-space:nowrap}
.free{fill:var(--free)}.used{fill:var(--used)}
.hatch{stroke:var(--mark);stroke-width:2.2;opacity:.55}.dots{fill:var(--dot);opacity:.8}
rect.different,i.different{fill:var(--different);background:var(--different)}
rect.unproven,i.unproven{fill:var(--unproven);background:var(--unproven)}
rect.equal,i.equal{fill:var(--equal);background:var(--equal)}
rect.interrupted,rect.failed,i.interrupted,i.failed{fill:var(--other);background:var(--other)}
.legend{display:flex;flex-wrap:wrap;gap:4px 22px;margin:14px 0 6px;padding:0;list-style:none;font-size:13px}
.legend li{display:flex;align-items:center;gap:7px}
.key{width:14px;height:14px}
i{display:inline-block;width:9px;height:9px;margin-right:7px;border-radius:2px;background:var(--other)}
.plots{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:26px 36px}
.wide{grid-column:1/-1}
.plot figcaption{display:flex;justify-content:space-between;gap:12px;margin-bottom:10px;font-size:13px;color:var(--muted)}
.plot figcaption b{color:var(--ink);font-weight:600;text-align:right}
.chart{display:grid;grid-template-columns:76px minmax(0,1fr);gap:0 12px;height:112px}
.chart svg{display:block;width:100%;height:100%;overflow:visible}
.chart .labels{display:flex;flex-direction:column;justify-content:space-between;margin:-9px 0;padding:0;font-size:12px;line-height:18px;color:var(--muted);text-align:right;white-space:nowrap}
.lanes{grid-template-columns:132px minmax(0,1fr);height:100px}
.lanes .labels{margin:0;list-style:none;text-align:left;line-height:20px}
.lanes li{display:flex;align-items:center}
.lanes b{margin-left:auto;font-weight:600;color:var(--ink)}
.axis{display:flex;justify-content:space-between;margin:6px 0 0 88px;font-size:12px;color:var(--muted)}
.lanes+.axis{margin-left:144px}
.axis.days span{white-space:nowrap}.axis span:last-child{text-align:right}.axis span:only-child{margin:0 auto}
.rule,.lane{fill:none;stroke:var(--rule);stroke-width:1;vector-effect:non-scaling-stroke}
.trend{fill:none;stroke:var(--used);stroke-width:1.25;opacity:.45;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.point,.stem{fill:none;stroke:var(--used);stroke-width:5;stroke-linecap:round;vector-effect:non-scaling-stroke}
.stem{stroke-width:2;stroke-linecap:butt}
.point.different,.stem.different{stroke:var(--different)}.point.unproven,.stem.unproven{stroke:var(--unproven)}
.point.interrupted,.point.failed,.stem.interrupted,.stem.failed{stroke:var(--other)}
.point.hollow{stroke:var(--other);opacity:.5}
.dense .point{stroke-width:2.5}.dense .trend{display:none}
.short{max-height:460px}
.scroll{overflow:auto;margin:0 -4px;padding:0 4px}
table{width:100%;border-collapse:collapse;font-size:13.5px}
th,td{padding:6px 18px 6px 0;text-align:left;vertical-align:top;white-space:nowrap;border-bottom:1px solid var(--rule)}
th{position:sticky;top:0;background:var(--panel);color:var(--muted);font-weight:500;font-size:12.5px}
th:last-child,td:last-child{padding-right:0}
.n{text-align:right}
td.last{white-space:normal;overflow-wrap:anywhere;width:100%;min-width:14em}
.zero,td.zero{color:var(--muted);opacity:.65}
.why td{color:var(--muted);white-space:normal;overflow-wrap:anywhere}
footer{margin-top:24px;color:var(--muted);font-size:13px}
:focus-visible{outline:2px solid var(--used);outline-offset:2px}
@media (max-width:720px){main{padding:24px 14px}section{padding:16px 14px;margin-top:20px}dl{grid-template-columns:repeat(2,minmax(0,1fr))}.plots{grid-template-columns:minmax(0,1fr)}h1{font-size:25px}.axis span:nth-child(2):nth-last-child(2){display:none}.map svg{height:224px}.scale{line-height:14px;font-size:11px}.verdict{padding:14px;gap:12px}}
@media print{:root{--page:#fff;--panel:#fff}body{font-size:10pt}main{max-width:none;padding:0}section{padding:0;border:0;margin-top:18pt}figure,.verdict,tr{break-inside:avoid}h2{break-after:avoid}.scroll{max-height:none;overflow:visible;margin:0;padding:0}table{font-size:8.5pt}th{font-size:8pt}th,td{padding:4px 8px 4px 0}th{white-space:normal;vertical-align:bottom}th{position:static}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;

/** The style element. The policy has the digest of exactly its content. */
export const styleElement = new Html(`<style>${sheet}</style>`);

/** The source expression that makes a content security policy allow only this style sheet. */
export const styleSource = `'sha256-${createHash('sha256').update(sheet).digest('base64')}'`;
