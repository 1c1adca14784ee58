import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding._errors import UserError
from grounding.experiment.document import MAX_BYTES, parse_document, parse_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("-7", -7),
        ("0", 0),
        ("010", "010"),  # neither octal nor ten: nobody means it, so it stays text and is refused
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("", None),
        (".inf", ".inf"),
        ("nan", "nan"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text, value):
    parsed = parse_scalar(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_values_and_their_positions():
    document = parse_document("a:\n  b: [1, 'two']\n  c: 1e-4\n", "x.yaml")
    assert document.values == {"a": {"b": [1, "two"], "c": 1e-4}}
    assert document.positions[("a", "c")] == (3, 3)
    assert document.positions[("a", "b", 1)] == (2, 10)


def test_a_quoted_number_is_text():
    assert parse_document("a: '5'", "x").values == {"a": "5"}


BOMB = "a: &a [x, x]\n" + "\n".join(f"b{i}: &b{i} [*a, *a]" for i in range(20))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: a is given twice, first in line 1"),
        ("t:\n  k: 1\n  k: 2\n", "x.yaml:3:3: t.k is given twice, first in line 2"),
        ("a: *b\n", "alias *b is not allowed"),
        ("a: &b 1\n", "anchor &b is not allowed"),
        (BOMB, "anchor &a is not allowed"),
        ("<<: {a: 1}\n", "merge key <<"),
        ("a: !!python/object/apply:os.system [ls]\n", "tag tag:yaml.org,2002:python/object"),
        ("a: !x 1\n", "tag !x is not allowed"),
        ("? [1, 2]\n: 3\n", "a key must be a plain word"),
        ("a: 1\n---\nb: 2\n", "a second document"),
        ("", "the file is empty"),
        ("a: [1, 2\n", "not valid YAML"),
        ("a: 'x\n", "not valid YAML"),
        ("\t- a\n", "not valid YAML"),
        ("a: \x00\n", "not valid YAML"),
        ("[" * 60_000, "levels deep"),
        ("{a: " * 10_000, "levels deep"),
        ("- " * 9_000, "levels deep"),
        ("a: " + "x" * MAX_BYTES, f"at most {MAX_BYTES}"),
    ],
)
def test_what_is_not_an_experiment_is_refused_in_one_line(text, problem):
    with pytest.raises(UserError) as caught:
        parse_document(text, "x.yaml")
    message = str(caught.value)
    assert problem in message
    assert message.startswith("x.yaml")
    assert "\n" not in message


@given(st.text(alphabet="ab:-[]{}&*!#'\"|>%@ \n\t0.e~<?,", max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        parse_document(text, "x.yaml")
    except UserError as error:
        assert "\n" not in str(error)


@given(st.text(max_size=100))
def test_any_unicode_is_read_or_refused(text):
    try:
        parse_document(text, "x.yaml")
    except UserError as error:
        assert "\n" not in str(error)
