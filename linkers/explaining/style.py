"""How the page looks: light or dark as the reader's screen is; colours never say anything alone."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #667078; --rule: #d5dade; --back: #fff;
  --card: #f6f8f9; --blue: 40, 110, 220; --green: 30, 150, 75; --red: 210, 45, 45; --amber: 220, 150, 0;
  --grey: 125, 130, 140; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ea; --soft: #98a2ab; --rule: #3b444c;
  --back: #14181b; --card: #1d2327; --blue: 95, 160, 255; --green: 80, 200, 125; --red: 245, 105, 100;
  --amber: 240, 180, 60; --grey: 150, 155, 165; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--back); }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
p.note, small, .soft { color: var(--soft); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2; font-size: 1.1rem;
  border: 1px solid var(--rule); border-radius: .5rem; padding: .6rem 1rem; margin: .5rem 0 1rem; }
.m { color: inherit; text-decoration: none; padding: .15em 0; unicode-bidi: isolate;
  background: rgba(var(--hue), var(--deep)); border-bottom: 2px solid rgb(var(--hue)); }
.m { --hue: var(--blue); --deep: .25; }
.m:hover, .m:focus { outline: 2px solid rgb(var(--hue)); }
.begins { border-top-left-radius: .3em; border-bottom-left-radius: .3em; padding-left: .15em; }
.ends { border-top-right-radius: .3em; border-bottom-right-radius: .3em; padding-right: .15em; }
.deep { border-bottom-style: double; border-bottom-width: 4px; }
.p0 { --deep: .06; } .p1 { --deep: .13; } .p2 { --deep: .2; } .p3 { --deep: .29; } .p4 { --deep: .4; }
.right { --hue: var(--green); } .wrong { --hue: var(--red); } .extra { --hue: var(--amber); }
.missed { --hue: var(--red); --deep: 0; } .nil, .unasked { --hue: var(--grey); }
.m.missed, .m.absent { border: 2px dashed rgb(var(--hue)); --deep: 0; }
.absent { --hue: var(--grey); }
.right.ends::after { content: "\\2713"; } .wrong.ends::after { content: "\\2717"; }
.extra.ends::after { content: "+"; } .missed.ends::after { content: "?"; }
.nil.ends::after { content: "\\2205"; }
.ends::after { font-size: .65em; vertical-align: super; color: rgb(var(--hue)); padding-left: .15em; }
.odd::before { content: attr(data-c); font: .6em monospace; color: var(--soft); border: 1px solid var(--rule);
  border-radius: .2em; margin: 0 .1em; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; padding: 0; list-style: none; }
.card { background: var(--card); border-left: 4px solid rgb(var(--hue)); border-radius: .3rem; --deep: .25;
  --hue: var(--blue); padding: .6rem 1rem; margin: .7rem 0; }
.card:target, tr:target { outline: 3px solid rgb(var(--blue)); }
.card h4 { margin: 0; font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere; }
.card p { margin: .2rem 0; }
.tag { color: rgb(var(--hue)); font-weight: 600; }
.card.right { --hue: var(--green); } .card.wrong, .card.missed { --hue: var(--red); }
.card.extra { --hue: var(--amber); } .card.nil, .card.absent, .card.unasked { --hue: var(--grey); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .4rem 0; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--rule); padding: .2rem .6rem; text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:first-child { white-space: nowrap; } td.about { min-width: 14rem; } tr.meant { font-weight: 600; }
td.about small { display: block; font-weight: 400; }
tr.good td:first-child { color: rgb(var(--green)); }
.bar { display: block; width: 6rem; height: .5rem; border-radius: .25rem; background: var(--rule);
  margin-top: .2rem; }
.bar i { display: block; height: 100%; border-radius: .25rem; background: rgb(var(--blue)); }
.bar i.prior { background: rgb(var(--grey)); }
summary { cursor: pointer; } a { color: rgb(var(--blue)); } code { overflow-wrap: anywhere; }
"""
