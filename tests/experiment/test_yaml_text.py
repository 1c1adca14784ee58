import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding._errors import UserError
from grounding.experiment.document import MAX_BYTES, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("010", "010"),  # neither octal nor ten: nobody means it, so it stays text and is refused
        ("1_000", "1_000"),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("", None),
        (".inf", ".inf"),
        ("'5'", "5"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text, value):
    parsed = parse_yaml(text, "x")[0]
    assert parsed == value
    assert type(parsed) is type(value)


def test_values_and_their_positions():
    values, places = parse_yaml("a:\n  b: [1, 'two']\n  c: 1e-4\n", "x.yaml")
    assert values == {"a": {"b": [1, "two"], "c": 1e-4}}
    assert places["a", "c"] == "x.yaml:3:3"
    assert places["a", "b", 1] == "x.yaml:2:10"


BOMB = "a: &a [x, x]\n" + "\n".join(f"b{i}: &b{i} [*a, *a]" for i in range(20))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: a is given twice, first in line 1"),
        ("t:\n  k: 1\n  k: 2\n", "x.yaml:3:3: t.k is given twice, first in line 2"),
        ("a: *b\n", "x.yaml:1:4: cannot be read as YAML: anchor b is not allowed"),
        ("&b a: 1\n", "anchor b is not allowed"),
        (BOMB, "anchor a is not allowed"),
        ("<<: {a: 1}\n", "x.yaml:1:1: a key must be a plain word, and << is none"),
        ("a: !!python/object/apply:os.system [ls]\n", "tag tag:yaml.org,2002:python/object"),
        ("? [1, 2]\n: 3\n", "a key must be a plain word"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: cannot be read as YAML: expected a single document"),
        ("a: [1, 2\n", "x.yaml:2:1: cannot be read as YAML: while parsing a flow sequence"),
        ("a: \x00\n", "cannot be read as YAML"),
        ('a: "\\U99999999"\n', "cannot be read as YAML"),
        (b"a: \xff\xfe\n", "cannot be read as YAML: unacceptable character #x00ff"),
        ("[" * 60_000, "levels deep"),
        ("- " * 9_000, "levels deep"),
        ("a: " + "x" * MAX_BYTES, f"over {MAX_BYTES} bytes"),
    ],
)
def test_what_is_not_an_experiment_is_refused_in_one_line(text, problem):
    with pytest.raises(UserError) as caught:
        parse_yaml(text, "x.yaml")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("x.yaml")
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="ab:-[]{}&*!#'\"|>%@ \n\t0.e~<?,", max_size=200) | st.text(max_size=100))
def test_any_text_is_read_or_refused(text):
    try:
        parse_yaml(text, "x.yaml")
    except UserError as error:
        assert "\n" not in str(error)
