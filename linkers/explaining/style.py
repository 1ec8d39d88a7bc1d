"""How marks and cards look, beyond what all pages share; colours never say anything alone."""

STYLE = """
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
.card:target, tr:target { outline: 3px solid rgb(var(--blue)); }
.tag { color: rgb(var(--hue)); font-weight: 600; }
.card.right { --hue: var(--green); } .card.wrong, .card.missed { --hue: var(--red); }
.card.extra { --hue: var(--amber); } .card.nil, .card.absent, .card.unasked { --hue: var(--grey); }
td:first-child { white-space: nowrap; } td.about { min-width: 14rem; } tr.meant { font-weight: 600; }
td.about small { display: block; font-weight: 400; }
tr.good td:first-child { color: rgb(var(--green)); }
.bar { display: block; width: 6rem; height: .5rem; border-radius: .25rem; background: var(--rule);
  margin-top: .2rem; }
.bar i { display: block; height: 100%; border-radius: .25rem; background: rgb(var(--blue)); }
.bar i.prior { background: rgb(var(--grey)); }
"""
