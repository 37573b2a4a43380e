"""Tables: dialects, headers, kinds, targets, gaps, and an error that names the line."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.data import DataError, preview, read_csv, with_all
from playground.data import table as table_module
from tests.data_files import attempt

CLEAN = "height,colour,width,kind\n1.5,red,4,cat\n2.5,blue,5,dog\n3.5,red,7,cat\n"


@pytest.fixture
def write(tmp_path):
    """Write text or bytes to a table file and give its path."""

    def write_file(content, encoding="utf-8", name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write_file


def test_texts_become_classes_and_features(write):
    data = read_csv(write(CLEAN))
    assert data.features == ("height", "colour=blue", "colour=red", "width")
    assert data.x.tolist() == [[1.5, 0, 1, 4], [2.5, 1, 0, 5], [3.5, 0, 1, 7]]
    assert data.classes == ("cat", "dog")
    assert data.target.tolist() == [0, 1, 0]
    assert "'kind'" in data.source


def test_any_column_can_be_the_target(write):
    data = read_csv(write(CLEAN), target_column="height", ignore_columns="colour, width")
    assert data.kind == "regression"
    assert data.target.tolist() == [[1.5], [2.5], [3.5]]
    assert data.features == ("kind=cat", "kind=dog")


@pytest.mark.parametrize(
    ("separator", "decimal", "name"),
    [
        (",", ".", "comma"),
        (";", ".", "semicolon"),
        (";", ",", "semicolon"),
        ("\t", ".", "tab"),
        ("\t", ",", "tab"),
        ("|", ".", "bar"),
        (" ", ".", "space"),
    ],
)
def test_separators_and_decimal_marks_are_found(write, separator, decimal, name):
    lines = ["a,b,c", "1.25,2.5,10", "-3.5,4.75,20", "5.0,6.125,30.5"]
    text = "\n".join(
        separator.join(cell.replace(".", decimal) for cell in line.split(",")) for line in lines
    )
    expected = [[1.25, 2.5], [-3.5, 4.75], [5.0, 6.125]]
    found = read_csv(write(text))
    assert found.x.tolist() == expected
    assert found.target.tolist() == [[10], [20], [30.5]]
    mark = "comma" if decimal == "," else "point"
    told = read_csv(write(text), separator=name, decimal=mark, header="yes")
    assert np.array_equal(told.x, found.x)


def test_spaces_round_a_cell_do_not_count(write):
    data = read_csv(write("a,b\n 1 ,cat \n2, dog\n3,cat\n"))
    assert data.classes == ("cat", "dog")
    assert data.x.tolist() == [[1], [2], [3]]


def test_runs_of_spaces_separate_once(write):
    data = read_csv(write("  1.0   2.0    3.5  \n 4.0  5.0 6.25\n"))
    assert data.x.tolist() == [[1, 2], [4, 5]]
    assert data.target.tolist() == [[3.5], [6.25]]


def test_thousands_are_grouped_by_the_other_mark(write):
    data = read_csv(write("a;b\n1.234,5;1,5\n12;2,5\n"))
    assert data.x.tolist() == [[1234.5], [12]]
    data = read_csv(write('a,b\n"1,234.5",1.5\n"12",2.5\n'))
    assert data.x.tolist() == [[1234.5], [12]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(write, encoding):
    data = read_csv(write("größe,art\n1,süß\n2,bitter\n", encoding))
    assert data.features == ("größe",)
    assert data.classes == ("bitter", "süß")


@pytest.mark.parametrize(
    ("text", "features"),
    [
        ("a,b\n1,2.5\n3,4.5\n", ("a",)),
        ("1,2.5\n3,4.5\n", ("column 1",)),
        ("5.1,x\n4.2,y\n", ("column 1",)),
        ("colour,kind\nred,x\nblue,y\n", ("colour=blue", "colour=red")),
        ("red,x\nblue,y\nred,y\n", ("column 1=blue", "column 1=red")),
        (",b\n1,2.5\n3,4.5\n", ("column 1",)),
    ],
)
def test_a_header_is_recognised(write, text, features):
    assert read_csv(write(text)).features == features


def test_a_header_can_be_told(write):
    data = read_csv(write("2010,2011\n1,2.5\n3,4.5\n"), header="yes")
    assert data.features == ("2010",)
    data = read_csv(write("red,x\nblue,y\n"), header="no")
    assert len(data) == 2


def test_quotes_blank_lines_line_ends_and_trailing_separators(write):
    text = '"a ""b""";c;\r\n\r\n"1,5";2,5;\r\n;;\r\n3,5;4,5;\r\n'
    data = read_csv(write(text), target_column="c")
    assert data.features == ('a "b"',)
    assert data.x.tolist() == [[1.5], [3.5]]


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([0, 1, 0, 1, 2, 2], "classification", ("0", "1", "2")),
        ([-1, 1, -1, 1], "classification", ("-1", "1")),
        ([10, 2, 10, 2], "classification", ("2", "10")),
        ([1, 2, 3, 4, 5], "regression", ()),
        ([0.5, 1, 0.5, 1], "regression", ()),
        ([7, 7, 7, 7], "regression", ()),
    ],
)
def test_few_whole_numbers_are_classes(write, values, kind, classes):
    text = "x,y\n" + "".join(f"{row},{value}\n" for row, value in enumerate(values))
    data = read_csv(write(text))
    assert (data.kind, data.classes) == (kind, classes)
    told = read_csv(write(text), task="regression")
    assert told.target[:, 0].tolist() == values


def test_the_task_can_be_told(write):
    text = "x,y\n1,0.5\n2,1.5\n3,0.5\n"
    data = read_csv(write(text), task="classification")
    assert data.classes == ("0.5", "1.5")
    assert data.target.tolist() == [0, 1, 0]
    with pytest.raises(DataError, match="holds text such as 'cat'"):
        read_csv(write(CLEAN), task="regression")


GAPS = "a,b,y\n1,red,1.5\n,blue,2.5\n4,?,3.5\n10,red,4.5\n"


def test_gaps_are_refused_dropped_or_averaged(write):
    with pytest.raises(DataError, match="line 3, column 'a': the value is missing"):
        read_csv(write(GAPS))
    dropped = read_csv(write(GAPS), missing="drop")
    assert dropped.x[:, 0].tolist() == [1, 10]
    assert dropped.target.tolist() == [[1.5], [4.5]]
    filled = read_csv(write(GAPS), missing="mean")
    nan = np.nan  # which mean it becomes is told by the training part
    np.testing.assert_array_equal(
        filled.x, [[1, 0, 1], [nan, 1, 0], [4, nan, nan], [10, 0, 1]])
    assert filled.gaps
    assert not dropped.gaps
    with pytest.raises(DataError, match="line 2, column 'y': the target is missing"):
        read_csv(write("a,y\n1,NA\n2,3.5\n"), missing="mean")
    with pytest.raises(DataError, match="leaves none"):
        read_csv(write("a,b,y\n1,,2\n,1,3\n"), missing="drop")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n\n", "no rows"),
        ("a,b\n", "no rows below its header"),
        ("a,b,c\n1,2,3\n4,5\n", "line 3: 2 cells, but the table has 3 columns"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4: 3 cells"),
        ("a,b,a\n1,2,3\n4,5,6\n", "line 1: 2 columns are called 'a'"),
        ("a,b\n1,2.5\ninf,3.5\n", "line 3, column 'a': 'inf' is not a number"),
        ("a,b\n1,2.5\n1e39,3.5\n", "line 3, column 'a': '1e39' is not"),
        ("a,b\n1,x\n2,x\n", "only one class"),
        ("a\n1\n2\n", "one column only"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3: the row cannot be read"),
        ('a,b\n"x\ny",1\n1,2,3\n', "line 4: 3 cells"),
        ("1,5;2,5;3,5\n" * 20 + "1,5;2,5;3,5;\n", "line 21: 4 cells, but the table has 3"),
        ("a,b\n1,\n2,\n", "target column 'b' is empty"),
        ("a,b\n,1\n,2\n", "no feature left"),
    ],
)
def test_a_wrong_table_says_where(write, text, words):
    with pytest.raises(DataError, match=words):
        read_csv(write(text))


def test_a_header_alone_holds_no_rows(write):
    with pytest.raises(DataError, match="no rows below its header"):
        read_csv(write("a,b\n"), header="yes")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target_column": "kinds"}, "no column 'kinds'; it has height, colour, width, kind"),
        ({"ignore_columns": "weight"}, "no column 'weight'"),
        ({"ignore_columns": "height,colour,width"}, "no feature left"),
        ({"task": "guess"}, "task is 'guess'"),
        ({"missing": "zero"}, "choose error, drop or mean"),
        ({"separator": "#"}, "separator is '#'"),
        ({"header": "maybe"}, "header is 'maybe'"),
        ({"decimal": "."}, "decimal mark is '.'"),
    ],
)
def test_a_wrong_option_says_what_to_choose(write, options, words):
    with pytest.raises(DataError, match=words):
        read_csv(write(CLEAN), **options)


def test_too_many_texts_are_no_feature(write):
    rows = "".join(f"name{i},{i}.5\n" for i in range(101))
    with pytest.raises(DataError, match="'name' holds 101 different texts"):
        read_csv(write("name,y\n" + rows))
    data = read_csv(write("name,y\n" + rows.replace("name100,", "name99,")))
    assert data.shape == (100,)


def test_sizes_are_bounded_before_anything_is_allocated(write, monkeypatch):
    monkeypatch.setattr("playground.data.limits.MAX_BYTES", 100)
    with pytest.raises(DataError, match=r"declares 20 x 2 values.*can be loaded"):
        read_csv(write("a,b\n" + "1,2.5\n" * 20))


def test_an_endless_row_is_refused(write, monkeypatch):
    monkeypatch.setattr(table_module, "_MAX_RECORD", 1000)
    with pytest.raises(DataError, match="more than 1,000 characters"):
        read_csv(write("a,b\n" + "1," * 2000))
    with pytest.raises(DataError, match=r"more than 1,000 characters|one column"):
        read_csv(write("a,b\n" + '"\n",' * 2000), separator="comma")
    assert len(read_csv(write("a,b\n" + "1,2.5\n" * 2000))) == 2000


def test_binary_and_missing_files(write, tmp_path):
    with pytest.raises(DataError, match="not a text table"):
        read_csv(write(b"a,b\n1,2\x00\x01\n"))
    with pytest.raises(DataError, match="not a text table"):
        read_csv(write(b"a,b\n1,\x81\n"))  # neither UTF-8 nor Windows-1252
    with pytest.raises(DataError, match="moved or renamed"):
        read_csv(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_csv(tmp_path)


def test_a_numeric_row_is_read_the_same_at_once_and_cell_by_cell(write):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 9))
    text = "\n".join(",".join(map(str, row)) for row in pixels)
    fast = read_csv(write(text), task="regression")
    slow = read_csv(write(text.replace(",", ";")), task="regression", decimal="comma")
    assert np.array_equal(fast.x, pixels[:, :-1])
    assert np.array_equal(fast.x, slow.x)


def test_a_name_with_underscores_is_no_number(write):
    data = read_csv(write("1_0,2.5\n2_0,3.5\n"))
    assert data.features == ("column 1=1_0", "column 1=2_0")


def test_preview_of_a_table(write):
    seen = preview(write(CLEAN), rows=2)
    assert seen.format == "csv"
    assert seen.columns == ("height", "colour", "width", "kind")
    assert seen.kinds == ("number", "text", "number", "text")
    assert seen.rows == (("1.5", "red", "4", "cat"), ("2.5", "blue", "5", "dog"))
    assert (seen.count, seen.count_is_exact) == (3, True)
    assert (seen.classes, seen.class_counts) == (("cat", "dog"), (2, 1))
    other = preview(write(CLEAN), target_column="colour")
    assert other.classes == ("blue", "red")
    assert preview(write(CLEAN), target_column="height").classes == ()


def test_preview_of_a_long_table_counts_lines(write):
    seen = preview(write("a,b\n" + "1,2.5\n" * 5000))
    assert (seen.count, seen.count_is_exact) == (5000, False)
    assert len(seen.rows) == 20


@pytest.mark.parametrize(("rows", "classes", "counts", "kind"), [
    ("1,a\n" * 3000 + "2,b\n" * 1000, ("a", "b"), (3000, 1000), "text"),
    ("1,7\n" * 3000 + "x,8\n" * 2500, ("7", "8"), (3000, 2500), "number"),
    ("1,7\n" * 3000 + "x,c\n" * 2500, ("7", "c"), (3000, 2500), "text"),
    ("1,0.5\n" * 3000 + "2,1.5\n" * 9, (), (), "number")])
def test_the_first_rows_of_a_long_table_do_not_speak_for_all(write, rows, classes, counts, kind):
    file = write("a,b\n" + rows)
    seen = preview(file)
    assert seen.first_rows == 2000
    data = read_csv(file)
    everything = with_all(seen, data)
    assert (everything.classes, everything.class_counts) == (classes, counts)
    assert everything.kinds == ("text" if "x" in rows else "number", kind)
    assert (everything.first_rows, everything.count_is_exact) == (0, True)
    assert everything.count == len(data)


CELLS = st.sampled_from(["1", "2.5", "-3e2", "x", "", "NA", "inf", '"', "1,5", "\ufeff", "é", " "])
LINES = st.lists(CELLS, min_size=0, max_size=4)


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(LINES, max_size=8),
    separator=st.sampled_from([",", ";", "\t", " ", "|"]),
    missing=st.sampled_from(["error", "drop", "mean"]),
)
def test_any_table_gives_a_dataset_or_a_sentence(tmp_path_factory, lines, separator, missing):
    path = tmp_path_factory.mktemp("fuzz") / "table.csv"
    path.write_text("\n".join(separator.join(cells) for cells in lines), encoding="utf-8")
    data = attempt(lambda file: read_csv(file, missing=missing), path)
    if isinstance(data, str):
        assert data.endswith(".")
    else:
        assert not np.isinf(data.x).any()
        assert data.gaps == np.isnan(data.x).any()
        assert len(data.features) == data.x.shape[1]
    seen = attempt(preview, path)
    assert "table.csv" in seen if isinstance(seen, str) else seen.columns


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, len(CLEAN)), position=st.integers(0, len(CLEAN)), junk=st.binary())
def test_a_mutated_table_gives_a_dataset_or_a_sentence(tmp_path_factory, cut, position, junk):
    path = tmp_path_factory.mktemp("fuzz") / "table.csv"
    valid = CLEAN.encode()
    for content in (valid[:cut], valid[:position] + junk + valid[position:]):
        path.write_bytes(content)
        data = attempt(read_csv, path)
        assert "table.csv" in data if isinstance(data, str) else len(data) > 0


@pytest.mark.parametrize("column", ["height", "width"])
@pytest.mark.parametrize("task", ["auto", "regression"])
def test_a_text_among_numbers_is_a_mistake_with_a_line(write, column, task):
    """As a text column, each of its numbers would silently become a feature or a class."""
    rows = [{"height": f"{n}.25", "width": f"{2 * n}.5"} for n in range(80)]
    rows[57][column] = "oops"
    text = "height,width\n" + "".join(f"{row['height']},{row['width']}\n" for row in rows)
    with pytest.raises(DataError, match=f"line 59, column '{column}': 'oops' is not a number"):
        read_csv(write(text), task=task)


def test_texts_beside_a_few_numbers_stay_texts(write):
    """Grades 1 to 6 and a rare "absent" are names, not mistakes."""
    rows = [f"{n % 6 + 1},{n}.5" for n in range(60)] + ["absent,60.5"]
    data = read_csv(write("grade,points\n" + "\n".join(rows) + "\n"))
    assert "grade=absent" in data.features
