"""The text column in every form that Arrow and the rows of JSON and CSV have, held to pyarrow's own reading; and every way to have none."""

import codecs
import csv as csv_module
import io
import json
import random

import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.feather
import pyarrow.json
import pyarrow.parquet
import pytest

from data_support import ask, numbered_texts
from trainer.data import rows as rows_module
from trainer.data.local import local_source
from trainer.data.shards import BadRow
from trainer.errors import TrainerError
from trainer.tokenizer import load_tokenizer

TEXTS = [*numbered_texts(40), "é" * 30, "\U0001f600 and \u4e2d\u6587", "", "line\r\nline\n\nline", ' "quoted", ', "\u0000 by escape"]
ROWS = [*TEXTS, None, TEXTS[0]]
WANTED = ["" if text is None else text for text in ROWS]


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("builtin")


def read(path, column=None) -> list:
    return [text for group in local_source(path, column).groups for shard in group() for text in shard.read()]


def refused(path, column=None) -> TrainerError:
    with pytest.raises(TrainerError) as caught:
        bad = [row for row in read(path, column) if isinstance(row, BadRow)]
        if bad:
            raise TrainerError("bad_row", f"{bad[0].where}: {bad[0].why}")
    return caught.value


FORMS = {
    "string": pyarrow.string(),
    "large_string": pyarrow.large_string(),
    "string_view": pyarrow.string_view(),
    "binary": pyarrow.binary(),
    "large_binary": pyarrow.large_binary(),
    "dictionary": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    "large dictionary": pyarrow.dictionary(pyarrow.int64(), pyarrow.large_string()),
    "dictionary of binary": pyarrow.dictionary(pyarrow.int16(), pyarrow.binary()),
}


def column_of(form: pyarrow.DataType) -> pyarrow.Array:
    if pyarrow.types.is_dictionary(form):
        plain = column_of(form.value_type)
        return plain.dictionary_encode().cast(form)
    if pyarrow.types.is_binary(form) or pyarrow.types.is_large_binary(form):
        return pyarrow.array([None if text is None else text.encode() for text in ROWS], form)
    return pyarrow.array(ROWS, form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["parquet", "stream", "file"])
def test_the_text_column_in_every_form(tmp_path, form, kind):
    table = pyarrow.table({"url": [f"u{i}" for i in range(len(ROWS))], "text": column_of(FORMS[form])})
    path = tmp_path / ("a.parquet" if kind == "parquet" else "a.arrow")
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path, row_group_size=7)
    else:
        writer = pyarrow.ipc.new_stream if kind == "stream" else pyarrow.ipc.new_file
        with writer(str(path), table.schema) as out:
            out.write_table(table.unify_dictionaries(), max_chunksize=11)
    assert read(path) == WANTED


def test_runs_of_equal_texts_are_read(tmp_path):
    runs = pyarrow.RunEndEncodedArray.from_arrays(pyarrow.array([2, 3, 5], pyarrow.int32()), pyarrow.array(["a", None, "b"]))
    table = pyarrow.table({"text": runs})
    with pyarrow.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    assert read(tmp_path / "a.arrow") == ["a", "a", "", "b", "b"]


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_column_of_nulls_alone_is_of_empty_documents(tmp_path, kind):
    table = pyarrow.table({"text": pyarrow.nulls(3)})
    if kind == "parquet":
        pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    else:
        pyarrow.feather.write_feather(table, tmp_path / "a.arrow")
    assert read(tmp_path / f"a.{kind}") == ["", "", ""]


def test_feather_is_read(tmp_path):
    pyarrow.feather.write_feather(pyarrow.table({"text": ROWS}), str(tmp_path / "a.feather"))
    assert read(tmp_path / "a.feather") == WANTED


def test_a_large_row_group_is_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.parquet._SHARD_BYTES", 2_000)
    monkeypatch.setattr("trainer.data.parquet._BATCH_ROWS", 16)
    monkeypatch.setattr("trainer.data.arrow._SHARD_BYTES", 2_000)
    texts = [f"{i} " * 10 for i in range(500)]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "a.parquet", row_group_size=300, use_dictionary=False)
    with pyarrow.ipc.new_stream(str(tmp_path / "b.arrow"), pyarrow.schema({"text": pyarrow.string()})) as out:
        out.write_table(pyarrow.table({"text": texts}), max_chunksize=50)
    for file in ("a.parquet", "b.arrow"):
        assert len(local_source(tmp_path / file).groups[0]()) > 5
        assert read(tmp_path / file) == texts


@pytest.mark.parametrize("form", ["string", "binary", "dictionary", "large_string"])
def test_a_row_of_parquet_that_is_not_utf8_is_named(tmp_path, form):
    raw = pyarrow.array([b"good", b"ha\xe9", b"good again", b"\xff"] * 3, pyarrow.binary())
    values = {
        "string": lambda: pyarrow.Array.from_buffers(pyarrow.string(), 12, raw.buffers()),
        "large_string": lambda: pyarrow.Array.from_buffers(pyarrow.large_string(), 12, raw.cast(pyarrow.large_binary()).buffers()),
        "binary": lambda: raw,
        "dictionary": lambda: raw.dictionary_encode(),
    }[form]()
    pyarrow.parquet.write_table(pyarrow.table({"text": values}), tmp_path / "a.parquet", row_group_size=5)
    got = read(tmp_path / "a.parquet")
    assert [row for row in got if isinstance(row, str)] == ["good", "good again"] * 3
    assert [row.where.split()[-1] for row in got if isinstance(row, BadRow)] == ["2", "4", "6", "8", "10", "12"]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv", "jsonl", "json"])
def test_no_such_column_lists_those_there_are_and_never_guesses(tmp_path, kind):
    table = pyarrow.table({"content": ["x y z"] * 9, "url": ["u"] * 9, "n": list(range(9))})
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    elif kind == "arrow":
        with pyarrow.ipc.new_stream(str(path), table.schema) as out:
            out.write_table(table)
    elif kind == "csv":
        pyarrow.csv.write_csv(table, path)
    else:
        rows = table.to_pylist()
        path.write_text(json.dumps(rows) if kind == "json" else "\n".join(map(json.dumps, rows)))
    error = refused(path)
    assert all(f"{name} (" in error.message for name in ("content", "url", "n")) and "no column text" in error.message
    assert read(path, "content") == ["x y z"] * 9
    assert "no column body" in refused(path, "body").message


def test_a_column_that_holds_no_text_is_named_with_its_type(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"text": [["a"], ["b"]]}), tmp_path / "list.parquet")
    assert "list<" in refused(tmp_path / "list.parquet").message
    pyarrow.parquet.write_table(pyarrow.table({"text": [1, 2]}), tmp_path / "int.parquet")
    assert "int64" in refused(tmp_path / "int.parquet").message
    (tmp_path / "a.jsonl").write_text('{"text": 3}\n')
    assert "row 1: the column text holds a number" in refused(tmp_path / "a.jsonl").message


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_tokens_are_no_text(tmp_path, kind):
    rows = [{"id": "a", "input_ids": [1, 2, 3]}] * 3
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    else:
        (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "input_ids" in refused(tmp_path / f"a.{kind}").message and "tokens" in refused(tmp_path / f"a.{kind}").message


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_rows_of_json_as_pyarrow_reads_them(tmp_path, ends, mark):
    rows = [{"id": i, "text": text} for i, text in enumerate(ROWS)]
    content = mark + ends.join(json.dumps(row, ensure_ascii=i % 2 == 0) for i, row in enumerate(rows)).encode()
    (tmp_path / "a.jsonl").write_bytes(content)
    oracle = pyarrow.json.read_json(io.BytesIO(content.removeprefix(codecs.BOM_UTF8))).column("text").to_pylist()
    assert read(tmp_path / "a.jsonl") == ["" if text is None else text for text in oracle] == WANTED


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz"])
def test_an_array_of_objects_is_read_alike(tmp_path, monkeypatch, indent, name):
    import gzip

    monkeypatch.setattr("trainer.data.rows._PIECE", 37)
    content = json.dumps([{"n": 12345, "text": text, "more": {"a": [1, {}]}} for text in ROWS], indent=indent).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert read(tmp_path / name) == WANTED


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ('[{"text": "a"}, {"text": "b"', "row 2"),
        ('[{"text": "a"} {"text": "b"}]', "row 1"),
        ('[{"text": "a"}]]', "row 1"),
        ('[{"text": "a"}, "b"]', "row 2: a string"),
        ('[{"text": "a"},]', "row 2"),
        ("[" * 100_000, "row 1"),
        ('{"text": "a"}\n"b"\n', "row 2: a string"),
        ('{"text": "a"}\n[1]\n', "row 2: a list"),
        ('{"data": [{"text": "a"}]}\n', "data (list)"),
        ('{\n "text": "a"\n}', "row 1"),
        ('{"text": "\\ud83d"}\n', "surrogate"),
        ('\x0c[{"text": "a"}]', "row 1"),
    ],
)
def test_json_that_is_none_names_the_row(tmp_path, content, word):
    (tmp_path / "a.json").write_text(content)
    error = refused(tmp_path / "a.json")
    assert word in error.message, error.message


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_a_column_that_an_object_names_twice_is_a_bad_row(tmp_path, kind):
    twice = '{"text": "first", "text": "second"}'
    inside = '{"text": "the word \\"text\\"", "meta": {"text": 1}, "same": "text"}'
    (tmp_path / f"a.{kind}").write_text(f"{twice}\n{inside}\n" if kind == "jsonl" else f"[{twice}, {inside}]")
    bad, good = read(tmp_path / f"a.{kind}")
    assert isinstance(bad, BadRow) and bad.where.endswith("row 1") and "several columns text" in bad.why and good == 'the word "text"'


@pytest.mark.parametrize("seed", range(4))
def test_arrays_in_pieces_of_any_size_are_what_json_reads(tmp_path, monkeypatch, seed):
    draw, refusals = random.Random(seed), 0
    values = [1, -2.5, 1e30, True, None, "s", [1, {"text": "x"}], {"text": None}, {"text": "\u00e9\U0001f600", "n": {"text": 1}}]
    for _ in range(100):
        monkeypatch.setattr(rows_module, "_PIECE", draw.choice([1, 2, 3, 7, 64, 1 << 20]))
        text = " \n" + json.dumps(draw.choices(values, k=draw.randint(0, 7)), indent=draw.choice([None, 1]), ensure_ascii=draw.random() < 0.5) + "\n "
        if draw.random() < 0.4:
            at = draw.randint(3, len(text))
            text = text[:at] + draw.choice(["", ",", "x", "]", "[", '"', "{"]) + text[at + draw.randint(0, 2) :]
        (tmp_path / "a.json").write_text(text)
        try:
            wanted = json.loads(text)
        except ValueError:
            refusals += 1
            with pytest.raises(TrainerError):
                list(rows_module._values(tmp_path / "a.json"))
        else:
            assert [value for value, _ in rows_module._values(tmp_path / "a.json")] == wanted
    assert refusals > 10


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_csv_as_pyarrow_reads_it(tmp_path, delimiter):
    texts = [text for text in TEXTS if "\0" not in text]
    path = tmp_path / ("a.csv" if delimiter == "," else "a.tsv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv_module.writer(file, delimiter=delimiter).writerows([["id", "text"], *([i, text] for i, text in enumerate(texts))])
    options = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    oracle = pyarrow.csv.read_csv(path, parse_options=options, convert_options=pyarrow.csv.ConvertOptions(column_types={"text": pyarrow.string()}))
    assert read(path) == oracle.column("text").to_pylist() == texts


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"id,text\n1,a\n2,a,b\n", "row 3: 3 fields"),
        (b"id,text\n1,ha\xe9\n", "row 2: not UTF-8"),
        (b'id,text\n1,"never closed\n2,b\n', "row 2: a quote"),
        (b"id;text\n1;a\n", "id;text"),
        (b"text,text\na,b\n", "2 columns text"),
        (b"text\na\n" + b"\0" * 40, "row 3: the column text holds a NUL"),
        (b"\xff\xfe\n", "declares UTF-16"),
    ],
)
def test_csv_that_is_wrong_names_the_row(tmp_path, content, word):
    (tmp_path / "a.csv").write_bytes(content)
    assert word in refused(tmp_path / "a.csv").message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("kind", ["txt", "jsonl", "csv"])
def test_an_encoding_that_is_declared_is_read(tmp_path, encoding, kind):
    texts = ["é one", "two \U0001f600", "three"] * 50
    if kind == "csv":
        content = "text\n" + "\n".join(texts)
    else:
        content = "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in texts) if kind == "jsonl" else "\n".join(texts)
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    (tmp_path / f"a.{kind}").write_bytes(mark + content.encode(encoding))
    got = read(tmp_path / f"a.{kind}")
    assert got == texts if kind != "txt" else "\n".join(got) == "\n".join(texts)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift-jis", "gb18030", "koi8-r", "utf-16-le", "utf-8-cut"])
@pytest.mark.parametrize("kind", ["txt", "jsonl", "csv"])
def test_an_encoding_that_is_not_declared_is_refused_and_nothing_replaced(tmp_path, encoding, kind):
    words = {"shift-jis": "日本語", "gb18030": "中文", "koi8-r": "слово"}.get(encoding, "été")
    text = f"text\n{words} and more of it" if kind == "csv" else json.dumps({"text": words}, ensure_ascii=False) if kind == "jsonl" else words
    content = text.encode()[:-1] if encoding == "utf-8-cut" and kind == "txt" else text.encode().replace(b"\xc3\xa9", b"\xc3") if encoding == "utf-8-cut" else text.encode(encoding)
    (tmp_path / f"a.{kind}").write_bytes(content)
    error = refused(tmp_path / f"a.{kind}")
    assert "a." + kind in error.message
    assert "UTF-8" in error.message or encoding == "utf-16-le"


@pytest.mark.parametrize(("encoding", "text"), [("iso2022_jp", "日本語のテキストです。"), ("iso2022_jp_2", "漢字"), ("iso2022_kr", "안녕하세요 여러분"), ("hz", "今天天气很好我们去公园玩")])
@pytest.mark.parametrize("kind", ["txt", "csv", "parquet"])
def test_encodings_whose_bytes_all_pass_for_ascii_are_refused(tmp_path, encoding, text, kind):
    content = f"Header\n{text}\n".encode(encoding)
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": [content]}), tmp_path / "a.parquet")
    else:
        (tmp_path / f"a.{kind}").write_bytes((b'text\n"' + content.replace(b'"', b'""') + b'"\n') if kind == "csv" else content)
    message = refused(tmp_path / f"a.{kind}").message
    assert {"i": "ISO-2022", "h": "HZ"}[encoding[0]] in message


def test_marks_that_other_texts_have_are_no_encoding(tmp_path):
    texts = ['(format t "~{~a~^, ~} ~{(~a)~} ~{ab~}" list)', "\x1b[31mred\x1b[0m costs \x1b $B", "a~{b}~c"]
    (tmp_path / "a.txt").write_text("\n".join(texts))
    assert read(tmp_path / "a.txt") == ["\n".join(texts)]


def test_a_replacement_character_that_was_there_stays(tmp_path):
    (tmp_path / "a.txt").write_text("was \ufffd before")
    assert read(tmp_path / "a.txt") == ["was \ufffd before"]


@pytest.mark.parametrize("seed", range(8))
def test_ranges_of_plain_text_lose_and_repeat_nothing(tmp_path, monkeypatch, seed):
    draw = random.Random(seed)
    monkeypatch.setattr("trainer.data.local._RANGE", draw.choice([997, 5_000, 60_000]))
    monkeypatch.setattr("trainer.data.text._BOUNDARY_WITHIN", draw.choice([5, 300]))
    monkeypatch.setattr("trainer.data.text._PIECE", draw.choice([50, 16_384]))
    alphabet = draw.choice(["abc é中\U0001f600", "ab \n", "é中", "word word\n\n", "中文 \r\n"])
    text = "".join(draw.choice(alphabet) for _ in range(30_000))
    (tmp_path / "a.txt").write_bytes(text.encode())
    got = read(tmp_path / "a.txt")
    assert "".join("".join(got).split()) == "".join(text.split())
    assert max(map(len, got)) <= 40_000


@pytest.mark.parametrize("seed", range(4))
def test_ranges_of_rows_name_the_right_row(tmp_path, monkeypatch, seed):
    draw = random.Random(seed)
    monkeypatch.setattr("trainer.data.local._RANGE", draw.choice([64, 333, 4096]))
    monkeypatch.setattr("trainer.data.rows._PIECE", 50)
    lines = [json.dumps({"text": f"row {i} " * draw.randrange(12)}) for i in range(1, 300)]
    bad = sorted(draw.sample(range(1, 300), 7))
    for row in bad:
        lines[row - 1] = draw.choice(["no json", '{"body": "x"}', '{"text": 1}', '{"text": "\\udc00"}'])
    mark = draw.choice([b"", codecs.BOM_UTF8])
    (tmp_path / "a.jsonl").write_bytes(mark + draw.choice(["\n", "\r\n"]).join(lines).encode())
    got = read(tmp_path / "a.jsonl")
    assert len(got) == 299
    assert [int(row.where.split()[-1]) for row in got if isinstance(row, BadRow)] == bad
    assert all(row.startswith(f"row {i} ") or row == "" for i, row in enumerate(got, 1) if isinstance(row, str))


def test_one_line_of_any_length_is_read_whole_in_many_documents(tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.data.local._RANGE", 1 << 20)
    text = "".join(f"marker{i} " + "some words of no meaning " * 4_000 for i in range(70))
    (tmp_path / "a.txt").write_text(text)
    got = read(tmp_path / "a.txt")
    assert " ".join(got).count("marker") == 70 and len(got) > 200
    assert sum(len(piece.split()) for piece in got) == len(text.split())


def test_bad_rows_are_skipped_up_to_the_number_and_counted_from_the_cache_too(tmp_path, tokenizer):
    lines = [json.dumps({"text": text}) for text in numbered_texts(60)]
    lines[10] = lines[20] = "bad"
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    for most, word in ((0, "row 11"), (1, "row 21")):
        with pytest.raises(TrainerError) as caught:
            ask(tokenizer, tmp_path / "cache", tmp_path / "a.jsonl", skip_bad_rows=most)
        assert caught.value.code == "bad_data" and word in caught.value.message
    for _ in range(2):
        told = []
        data = ask(tokenizer, tmp_path / "cache", tmp_path / "a.jsonl", skip_bad_rows=2, on_warning=lambda code, message, told=told: told.append((code, message)))
        read_ = data.report()["sources"][0]
        assert (read_["documents"], read_["skipped"], read_["column"], read_["complete"]) == (58, 2, "text", True)
        assert [code for code, _ in told] == ["bad_row_skipped"] * 2 and "row 11" in told[0][1]
    with pytest.raises(TrainerError):
        ask(tokenizer, tmp_path / "cache", tmp_path / "a.jsonl")
    # The limit is one for all data of a run.
    (tmp_path / "b.jsonl").write_text("\n".join([*lines[:10], "bad", *lines[30:]]))
    with pytest.raises(TrainerError):
        ask(tokenizer, tmp_path / "cache", {tmp_path / "a.jsonl": 1.0, tmp_path / "b.jsonl": 1.0}, skip_bad_rows=2)


def test_only_bad_rows_are_no_data(tmp_path, tokenizer):
    (tmp_path / "a.jsonl").write_text('{"body": "x"}\n' * 50)
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path / "cache", tmp_path / "a.jsonl", skip_bad_rows=1000)
    assert caught.value.code == "data_empty" and "50 rows were skipped" in caught.value.message


@pytest.mark.parametrize("kind", ["parquet", "stream.arrow", "file.arrow", "csv", "json"])
def test_tables_without_a_row_are_no_data(tmp_path, tokenizer, kind):
    path, table = tmp_path / f"a.{kind}", pyarrow.table({"text": pyarrow.array([], pyarrow.string())})
    if kind == "parquet":
        pyarrow.parquet.write_table(table, path)
    elif kind.endswith("arrow"):
        with getattr(pyarrow.ipc, f"new_{kind[:-6]}")(str(path), table.schema) as out:
            out.write_table(table)
    else:
        path.write_text("[]" if kind == "json" else "text,url\n")
    with pytest.raises(TrainerError) as caught:
        ask(tokenizer, tmp_path / "cache", path)
    assert caught.value.code == "data_empty" and path.name in caught.value.message


def test_columns_in_the_next_steps_can_be_pasted(tmp_path):
    (tmp_path / "a.csv").write_text("body;n,my text,$(id)\n" + "x,y,z\n" * 9)
    assert refused(tmp_path / "a.csv").next_steps[:3] == [f"--text-column '{name}'" for name in ("body;n", "my text", "$(id)")]
    (tmp_path / "b.csv").write_text('"' + "a text in the place of a header " * 90 + '"\n')  # no name: nobody wants to paste it
    error = refused(tmp_path / "b.csv")
    assert len(error.message) < 400 and not any("--text-column" in step for step in error.next_steps)


@pytest.mark.parametrize("documents", [1, 2, 3])
def test_few_giant_documents_are_cut_and_it_is_said(tmp_path, tokenizer, documents):
    words = "some words that are read by nobody and mean nothing at all, "
    texts = [" ".join(f"{words}{i} {j}." for j in range(1_500)) for i in range(documents)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    told = []
    data = ask(tokenizer, tmp_path / "cache", tmp_path / "a.jsonl", on_warning=lambda code, message: told.append(code))
    assert told == ["data_cut"] and len(data.held_out) > 10
    report = data.report()["sources"][0]
    assert (report["documents"], report["characters"]) == (documents, sum(map(len, texts)))
    seen = " ".join(tokenizer.decode(row) for _ in range(data.epoch_batches) for row in data.next_batch())
    assert " 1499." in seen


def test_a_column_that_no_data_has_is_refused(tmp_path, tokenizer):
    (tmp_path / "a.txt").write_text("words " * 5_000)
    for name in ("builtin", tmp_path / "a.txt"):
        with pytest.raises(TrainerError) as caught:
            ask(tokenizer, tmp_path / "cache", name, text_column="body")
        assert caught.value.code == "bad_data" and "--text-column body" in caught.value.message
