"""How a drawn tree looks, beyond what all pages share: each branch in its own colour, in light and dark."""

STYLE = """
:root { --second: 120, 80, 215; --cyan: 0, 140, 155; --rose: 205, 40, 125; }
@media (prefers-color-scheme: dark) { :root { --second: 175, 145, 255; --cyan: 70, 200, 215;
  --rose: 250, 115, 180; } }
.sentence { font-size: 1.2rem; border: 1px solid var(--rule); border-radius: .5rem; padding: .6rem 1rem;
  overflow-wrap: anywhere; }
.trunk { --hue: var(--blue); } .second { --hue: var(--second); } .b0 { --hue: var(--green); }
.b1 { --hue: var(--rose); } .b2 { --hue: var(--amber); } .b3 { --hue: var(--cyan); }
.b4 { --hue: var(--red); } .left { --hue: var(--grey); }
.drawn { display: block; font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.drawn text { fill: var(--ink); }
.drawn .token { font-size: 14px; text-anchor: middle; white-space: pre; }
.drawn .at { font-size: 11px; text-anchor: middle; fill: var(--soft); }
.drawn .stem { fill: none; stroke: var(--soft); stroke-width: 1.3; }
.drawn rect { fill: rgba(var(--hue), .16); stroke: rgb(var(--hue)); }
.drawn .none { fill: var(--card); stroke: var(--rule); }
.drawn .within { fill: rgba(var(--hue), .75); stroke: none; }
.drawn .across { fill: rgba(var(--hue), .38); stroke: none; }
.drawn .within.trunk, .drawn .within.second { fill: rgba(var(--hue), .45); }
.drawn rect:hover { stroke: var(--ink); }
.key svg { display: inline-block; vertical-align: -2px; margin-right: .3rem; }
.dot { display: inline-block; width: .7rem; height: .7rem; border-radius: 50%; background: rgb(var(--hue)); }
.left .dot { background: none; border: 1.5px solid rgb(var(--hue)); }
tr.left td { color: var(--soft); } .card.bare { --hue: var(--grey); }
tr.left small { color: inherit; }
"""
