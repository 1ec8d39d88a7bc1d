"""Loading tokenizers in every form, their special tokens, where tokens stand, where words begin."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from tokenizers import Tokenizer as Made
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from kbtools.errors import ArtefactError, ConfigError
from kbtools.tokens.loading import Found
from kbtools.tokens.tokenizer import Special, Tokenizer
from tests import tiny_tokenizer

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "play",
    "##ing",
    "##s",
    "cafe",
    "北",
    "京",
    "大",
    "学",
    "。",
    "a",
]


def vocabulary(folder: Path, *more: str, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in [*WORDS, *more]), encoding="utf-8")
    if config:
        (folder / "tokenizer_config.json").write_bytes(msgspec.json.encode(config))
    return folder


def shown(tokenizer: Tokenizer, text: str, lang: str | None = None) -> list[tuple[str, int, int, bool]]:
    stream = tokenizer.encode([text], [lang])
    columns = [tokenizer.words(stream.ids).to_pylist(), *(one.tolist() for one in stream[1:4])]
    return list(zip(*columns, strict=True))


def byte_level(*merges: tuple[str, str], trim: bool = True) -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *("".join(merge) for merge in merges)]
    made = Made(models.BPE({piece: at for at, piece in enumerate(pieces)}, list(merges)))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.ByteLevel(trim_offsets=trim)
    made.decoder = decoders.ByteLevel()
    return Tokenizer(Found(made, {}, "x"), "bytes")


def metaspace(**scores: float) -> Tokenizer:
    made = Made(models.Unigram([("<unk>", 0.0), ("▁", -2.0), *scores.items()], 0, False))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    return Tokenizer(Found(made, {}, "x"), "pieces")


def test_a_vocabulary_of_bert(tmp_path):
    tokenizer = Tokenizer.load(vocabulary(tmp_path / "v"))
    assert tokenizer.special == Special(pad=0, unk=1, cls=2, sep=3, mask=4)
    assert tokenizer.between == (3,)
    assert (tokenizer.size, tokenizer.kind) == (len(WORDS), "wordpiece")
    assert shown(tokenizer, "Café plays。北京 [SEP] zzz") == [
        ("cafe", 0, 4, True), ("play", 5, 9, True), ("##s", 9, 10, False), ("。", 10, 11, True),
        ("北", 11, 12, True), ("京", 12, 13, True), ("[SEP]", 14, 19, True), ("[UNK]", 20, 23, True),
    ]  # fmt: skip
    assert tokenizer.content == Tokenizer.load(tmp_path / "v" / "vocab.txt").content
    assert tokenizer.content != Tokenizer.load(vocabulary(tmp_path / "w", "b")).content


def test_case_of_a_vocabulary(tmp_path):
    lower, cased = vocabulary(tmp_path / "l"), vocabulary(tmp_path / "c", "A", "Play")
    assert [word for word, *_ in shown(Tokenizer.load(lower), "Play A")] == ["play", "a"]
    assert [word for word, *_ in shown(Tokenizer.load(cased), "Play A")] == ["Play", "A"]
    assert [word for word, *_ in shown(Tokenizer.load(cased, lowercase=True), "Play A")] == ["play", "a"]
    told = Tokenizer.load(vocabulary(tmp_path / "d", do_lower_case=False))
    assert [word for word, *_ in shown(told, "Play a")] == ["[UNK]", "a"]
    assert told.content != Tokenizer.load(lower).content


def test_chinese_words_of_a_segmenter(tmp_path):
    pytest.importorskip("jieba")
    tokenizer = Tokenizer.load(vocabulary(tmp_path / "v"), zh="jieba")
    begins = {
        lang: [word for *_, word in shown(tokenizer, "北京大学。北 京 plays", lang)]
        for lang in ("zh", None, "ja")
    }
    assert begins["zh"] == begins[None] == [True, False, False, False, True, True, True, True, False]
    assert begins["ja"] == [True] * 8 + [False]


def test_how_chinese_is_cut_is_a_word_or_another(tmp_path):
    with pytest.raises(ConfigError, match="characters or by jieba"):
        Tokenizer.load(vocabulary(tmp_path / "v"), zh="ltp")  # type: ignore[arg-type]


@pytest.mark.parametrize("trim", [True, False])
def test_bytes(trim):
    tokenizer = byte_level(("Ġ", "a"), ("a", "b"), ("Ġa", "b"), trim=trim)
    assert shown(tokenizer, "ab ab. é\n\nb  a中") == [
        ("ab", 0, 2, True), ("Ġab", 3, 5, True), (".", 5, 6, True),
        ("Ġ", 6, 6, True), ("Ã", 7, 8, False), ("©", 8, 8, False),  # a space is a word with what follows
        ("Ċ", 8, 8, True), ("Ċ", 8, 8, True), ("b", 10, 11, True),  # the end of a line is one by itself
        ("Ġ", 11, 11, True), ("Ġa", 13, 14, True),
        ("ä", 14, 15, True), ("¸", 15, 15, False), ("Ń", 15, 15, False),
    ]  # fmt: skip
    assert tokenizer.between == ()
    assert tokenizer.kind == "bpe"


def test_pieces_with_their_spaces():
    tokenizer = metaspace(**{"▁a": -1.0, "b": -1.0, "你": -1.0, "好": -1.0, ".": -1.0, "▁你": -1.0})
    assert shown(tokenizer, "ab b.b 你好")[:9] == [
        ("▁a", 0, 1, True), ("b", 1, 2, False), ("▁", 2, 2, True), ("b", 3, 4, False), (".", 4, 5, True),
        ("b", 5, 6, True), ("▁你", 7, 8, True), ("好", 8, 9, True),
    ]  # fmt: skip
    # a space that was put before the text stands nowhere, though the library says it is the first character
    assert shown(metaspace(b=-1.0), "b") == [("▁", 0, 0, True), ("b", 0, 1, False)]
    assert tokenizer.kind == "unigram"


def test_one_character_that_becomes_several_tokens(tmp_path):
    made = Made(models.WordLevel({"[UNK]": 0, "株": 1, "式": 2}, unk_token="[UNK]"))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    stream = Tokenizer(Found(made, {}, "x"), "x").encode(["㍿a"])
    assert stream.start.tolist() == [0, 1, 1, 1, 1]
    assert stream.end.tolist() == [1, 1, 1, 1, 2]
    assert stream.word.tolist() == [True, False, False, False, True]


def test_halves_of_characters_count_as_characters(tmp_path):
    assert shown(Tokenizer.load(vocabulary(tmp_path / "v")), "a \ud800 a")[-1] == ("a", 4, 5, True)


@pytest.mark.parametrize("kind", ["wordpiece", "char", "bpe", "unigram"])
def test_every_form_of_a_tokenizer(kind, tmp_path):
    folder = tiny_tokenizer.path(kind)
    tokenizer = tiny_tokenizer.loaded(kind)
    texts = ["He lives in Geneva.", "孙日新是一位医生。"]
    shutil.copy(folder / "tokenizer.json", tmp_path / "mine.json")
    forms = [tmp_path / "mine.json", folder / "tokenizer.json"]
    if kind in ("wordpiece", "char"):
        forms.append(folder / "vocab.txt")
    for form in forms:
        other = Tokenizer.load(form)
        assert other.encode(texts).ids.tolist() == tokenizer.encode(texts).ids.tolist()
        assert (other.special, other.between, other.size) == (
            tokenizer.special,
            tokenizer.between,
            tokenizer.size,
        )
    assert tokenizer.kind == kind
    assert Tokenizer.load(folder).content == tokenizer.content


def test_vocabulary_and_merges(tmp_path):
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(tiny_tokenizer.path("bpe") / name, tmp_path)
    for path in (tmp_path, tmp_path / "vocab.json", tmp_path / "merges.txt"):
        tokenizer = Tokenizer.load(path)
        assert tokenizer.special == tiny_tokenizer.loaded("bpe").special
        assert tokenizer.between == tiny_tokenizer.loaded("bpe").between == (2, 2)
        text = "they live in the city"
        assert (
            tokenizer.encode([text]).ids.tolist() == tiny_tokenizer.loaded("bpe").encode([text]).ids.tolist()
        )


def test_looking_tokens_up(tmp_path):
    tokenizer = Tokenizer.load(vocabulary(tmp_path / "v"))
    found = tokenizer.ids_of(pa.array(["play", "zzz", "##s", None], pa.large_string()))
    assert found.tolist() == [5, 1, 7, 1]
    assert tokenizer.words([5, 6]).to_pylist() == ["play", "##ing"]
    assert tokenizer.decode([2, 5, 6, 3]) == "[CLS] playing [SEP]"


def test_limits_and_chance_in_a_file_are_put_aside(tmp_path):
    made = byte_level(("a", "b")).made
    made.enable_truncation(2)
    made.enable_padding(length=9)
    told = msgspec.json.decode(made.to_str())
    told["model"]["dropout"] = 0.9
    (tmp_path / "t.json").write_bytes(msgspec.json.encode(told))
    tokenizer = Tokenizer.load(tmp_path / "t.json")
    assert tokenizer._stretches is not None
    tokenizer._stretches = None
    assert {tuple(tokenizer.encode(["ababab"]).ids.tolist()) for _ in range(5)} == {(256, 256, 256)}


def test_special_tokens_as_they_are_told(tmp_path):
    config = {"pad_token": {"content": "play"}, "cls_token": "a", "mask_token": "none such"}
    special = Tokenizer.load(vocabulary(tmp_path / "v", **config)).special
    assert special == Special(pad=5, unk=1, cls=14, sep=3, mask=4)


@pytest.mark.parametrize(
    ("file", "data", "match"),
    [
        ("tokenizer.json", b"{", "damaged"),
        ("tokenizer.json", b"[]", "nothing of a model"),
        ("tokenizer.json", b"\xff\xfe", "damaged"),
        ("tokenizer.json", b'{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}', "be used"),
        ("tokenizer.json", b"[" * 100_000, "damaged"),
        ("vocab.txt", b"a\nb\n", r"no \[UNK\]"),
        ("vocab.txt", b"\xff\xff\n", "not a vocabulary"),
        ("spiece.model", b"", "save_pretrained"),
        ("other.bin", b"", "no tokenizer"),
    ],
)  # fmt: skip
def test_what_is_no_tokenizer(file, data, match, tmp_path):
    (tmp_path / file).write_bytes(data)
    for path in (tmp_path, tmp_path / file):
        with pytest.raises(ConfigError, match=match) as told:
            Tokenizer.load(path)
        assert "\n" not in str(told.value)


def test_numbers_beyond_all_measure(tmp_path):
    made = {"model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 4_000_000_000}, "unk_token": "[UNK]"}}
    (tmp_path / "t.json").write_bytes(msgspec.json.encode(made))
    with pytest.raises(ConfigError, match="numbers up to 4,000,000,001"):
        Tokenizer.load(tmp_path / "t.json")


def test_words_without_a_token_for_unknown_ones(tmp_path):
    made = {"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "[UNK]",
                      "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}}  # fmt: skip
    (tmp_path / "t.json").write_bytes(msgspec.json.encode(made))
    with pytest.raises(ConfigError, match="UNK"):
        Tokenizer.load(tmp_path / "t.json")


def test_a_template_that_names_no_token(tmp_path, capfd):
    told = msgspec.json.decode((tiny_tokenizer.path() / "tokenizer.json").read_bytes())
    told["post_processor"]["special_tokens"] = {}
    (tmp_path / "t.json").write_bytes(msgspec.json.encode(told))
    with pytest.raises(ConfigError, match="special tokens around"):
        Tokenizer.load(tmp_path / "t.json")
    assert capfd.readouterr().err == ""


def test_a_tokenizer_without_places(monkeypatch):
    made = byte_level(("a", "b")).made
    raw = Tokenizer._encode

    def placeless(self, texts):
        found = raw(self, texts)
        return found._replace(offsets=found.offsets * 0)

    monkeypatch.setattr(Tokenizer, "_encode", placeless)
    with pytest.raises(ConfigError, match="does not tell where its tokens stand"):
        Tokenizer(Found(made, {}, "x"), "x")


def test_code_that_cuts_words_by_itself_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="offsets"):
        Tokenizer.load(vocabulary(tmp_path / "v", word_tokenizer_type="mecab"))


def test_another_artefact_is_no_tokenizer(tmp_path):
    (tmp_path / "manifest.json").write_text(
        '{"kind": "kb", "version": 1, "kbtools": "0", "created": "", "plan": ""}'
    )
    with pytest.raises(ArtefactError, match="kbtools vocab"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("name", ["nowhere/vocab.txt", "/nowhere", "a/b/c", "", "~x"])
def test_what_is_nowhere(name):
    with pytest.raises(ConfigError, match="no such file or folder"):
        Tokenizer.load(name)


def test_a_name_without_a_network(monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE is set"):
        Tokenizer.load("nobody/has-such-a-tokenizer")
