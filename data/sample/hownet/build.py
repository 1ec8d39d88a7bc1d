"""Write `HowNet Taxonomy Entity.txt` as HowNet's own files are: GB18030, CRLF, drawn with box characters."""

from pathlib import Path

TREE = """\
- {entity|实体}
  ├ {thing|万物} {entity|实体:{exist|存在:experiencer={~}}}
  │ ├ {animate|生物} {thing|万物:{alive|活着:experiencer={~}}}
  │ │ ├ {human|人} {animate|生物:HostOf={Name|姓名}{Age|年龄},{speak|说:agent={~}}}
  │ │ ├ {animal|兽} {animate|生物:{breathe|呼吸:agent={~}}}
  │ │ │ ├ {livestock|牲畜} {animal|兽:modifier={domesticated|家养},{foster|饲养:patient={~}}}
  │ │ │ └ {bird|禽} {animal|兽:{fly|飞:agent={~}}}
  │ │ └ {plant|植物} {animate|生物:modifier={green|绿}}
  │ │   └ {fruit|水果} {plant|植物:MaterialOf={edible|食物},{eat|吃:patient={~}}}
  │ └ {inanimate|无生物} {thing|万物:{alive|活着:adjunct={neg|否},experiencer={~}}}
  │   ├ {celestial|天体} {inanimate|无生物:restrictive={space|空间}}
  │   ├ {metal|金属} {inanimate|无生物:MaterialOf={material|材料}}
  │   ├ {computer|电脑} {inanimate|无生物:{calculate|计算:instrument={~}}}
  │   └ {edible|食物} {inanimate|无生物:{eat|吃:patient={~}}}
  ├ {place|地方} {entity|实体:restrictive={space|空间}}
  │ ├ {country|国家} {place|地方}
  │ └ {city|市} {place|地方:RelateTo={human|人:quantity={many|多}}}
  └ {organization|组织} {entity|实体:RelateTo={human|人},{act|行动:agent={~}}}
    └ {company|公司} {organization|组织:domain={commerce|商业},{produce|制造:agent={~}}}
"""


def tree() -> bytes:
    lines = [f"{line}  " for line in TREE.splitlines()]
    return ("\r\n".join(lines) + "\r\n").encode("gb18030")


if __name__ == "__main__":
    folder = Path(__file__).parent / "openhownet"
    (folder / "HowNet Taxonomy Entity.txt").write_bytes(tree())
