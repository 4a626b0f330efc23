"""Text as spreadsheets and scripts write it, with what Python's own writer and codecs give as the truth."""

import csv
import io

import pytest

from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.tables.delimited import Delimited, decoded, read_delimited

HEAD = ["path", "labels", "split"]
ROWS = [["a.jpg", "cat;dog", "train"], ["b c.jpg", "", "val"], ["d.jpg", "dog", "test"]]


def read(text: str, delimiter: str = "auto", header: bool | None = None) -> Delimited:
    return read_delimited(text, "labels.csv", delimiter, header)


def written(rows: list[list[str]], delimiter: str, end: str = "\n") -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=end).writerows(rows)
    return buffer.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "commas"), (";", "semicolons"), ("\t", "tabs"), ("|", "'|'")]
)
def test_the_delimiter_is_seen_in_the_text(delimiter: str, name: str, end: str) -> None:
    found = read(written([HEAD, *ROWS], delimiter, end))
    assert (found.head, found.rows) == (HEAD, ROWS)
    assert found.notes == (f"separated by {name}",)


def test_runs_of_blanks_are_one_delimiter() -> None:
    found = read("path  labels\n a.jpg   cat\nb.jpg dog  \n")
    assert (found.head, found.rows) == (["path", "labels"], [["a.jpg", "cat"], ["b.jpg", "dog"]])


def test_a_delimiter_of_labels_is_not_one_of_cells() -> None:
    # Each row has two labels, so that a semicolon would give equal rows, too.
    assert read("path,labels\na.jpg,cat;dog\nb.jpg,cow;cat\n").rows[0] == ["a.jpg", "cat;dog"]
    assert read("name;labels\na;cat,dog\nb;cow,cat\n").rows[0] == ["a", "cat,dog"]
    assert read('name,labels\na,"one two"\nb,"three four"\n').rows[1] == ["b", "three four"]


def test_where_two_delimiters_fit_nobody_guesses() -> None:
    text = "name,a;b\nx,c;d\n"
    with pytest.raises(
        DatasetError, match=r"separated by commas or semicolons; say by which: dataset.delimiter"
    ):
        read(text)
    assert read(text, ";").rows == [["x,c", "d"]]


def test_excel_may_say_the_delimiter_itself() -> None:
    found = read("sep=;\r\npath;labels\r\na.jpg;1,5\r\n")
    assert (found.head, found.rows) == (["path", "labels"], [["a.jpg", "1,5"]])


def test_a_text_without_a_head_is_seen_by_its_first_path() -> None:
    found = read("a.jpg,cat\nb.jpg,dog\n")
    assert (found.head, found.rows) == (None, [["a.jpg", "cat"], ["b.jpg", "dog"]])
    assert found.notes[1] == "without a head, so that columns go by their numbers"
    assert read("a.jpg,cat\nb.jpg,dog\n", header=True).head == ["a.jpg", "cat"]
    assert read("a,cat\nb,dog\n", header=False).head is None


def test_a_count_above_the_head_is_passed_over() -> None:
    # The list of attributes as CelebA has it: the first column has no name.
    found = read("2\n5_o_Clock_Shadow Bald \n000001.jpg -1  1\n000002.jpg  1 -1\n")
    assert found.head == ["5_o_Clock_Shadow", "Bald"]
    assert found.rows == [["000001.jpg", "-1", "1"], ["000002.jpg", "1", "-1"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_mark_of_the_byte_order_tells_the_encoding(encoding: str) -> None:
    assert decoded("path;Ärger;猫".encode(encoding), "f", "auto") == ("path;Ärger;猫", None)


def test_what_is_not_utf_8_is_read_as_western_and_said() -> None:
    text, note = decoded("a.jpg;Äpfel".encode("cp1252"), "f", "auto")
    assert text == "a.jpg;Äpfel"
    assert note is not None
    assert "Windows-1252 with words such as 'Äpfel' (else: dataset.encoding)" in note
    assert decoded("яблоко".encode("cp1251"), "f", "cp1251") == ("яблоко", None)


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        ("猫、犬".encode("cp932"), "auto", "not UTF-8 text: .* dataset.encoding: cp932"),
        ("é".encode("cp1252"), "utf-8", "not utf-8 text: .* at byte 0; see dataset.encoding"),
        (b"a", "latin-9000", "no encoding 'latin-9000'"),
        ("path".encode("utf-16-le"), "auto", "zero bytes in it; .* utf-16-le"),
    ],
)
def test_another_encoding_is_refused(content: bytes, encoding: str, message: str) -> None:
    with pytest.raises(DatasetError, match=f"^f: .*{message}"):
        decoded(content, "f", encoding)


@pytest.mark.parametrize(
    ("text", "delimiter", "message"),
    [
        ("", "auto", "an empty file"),
        ("\n,\n", "auto", "an empty file"),
        ('path,labels\n"a.jpg,cat\n', ",", "not text separated by commas"),
        ("a,b\n", "::", "one character is expected, got '::'"),
    ],
)
def test_what_is_no_table_is_refused(text: str, delimiter: str, message: str) -> None:
    with pytest.raises(DatasetError, match=f"^labels.csv: .*{message}"):
        read(text, delimiter)


@pytest.mark.parametrize(
    ("above", "count"),
    [
        ("202599\n", 1),
        ("My pictures,,\n,,\n", 1),
        ("# made on Monday\n# by me, and you\n", 2),
        ("# one, two, three, four\n", 1),
        ("Pictures of 2024\n\n", 1),
    ],
)
def test_lines_above_the_head_are_passed_over(above: str, count: int) -> None:
    found = read(above + written([HEAD, *ROWS], ","))
    assert (found.head, found.rows) == (HEAD, ROWS)
    assert found.notes[1] == f"{count} line{'s' if count > 1 else ''} above the head passed over"


@pytest.mark.parametrize("first", ["a.jpg", "7", "#path"])
def test_a_row_of_the_table_is_not_above_it(first: str) -> None:
    rows = [[first, ""], ["b.jpg", "cat"], ["c.jpg", "dog"]]
    if first == "#path":
        rows[0][1] = "labels"
    found = read(written(rows, ","))
    assert [*([found.head] if found.head else []), *found.rows] == rows
