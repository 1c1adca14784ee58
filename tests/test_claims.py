"""Figures of the documents have commands that show them again, and the check finds wrong ones."""

import importlib.util
import re

import pytest
import yaml
from conftest import REPOSITORY

SPEC = importlib.util.spec_from_file_location("claims", REPOSITORY / "tools" / "claims.py")
claims = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(claims)

KNOWN = claims.read_claims(REPOSITORY / "docs" / "claims.yaml")


@pytest.mark.parametrize("claim", KNOWN, ids=lambda claim: claim.sentence[:40])
def test_a_claim_stands_where_it_says_with_the_number_that_is_checked(claim):
    text = claims.plain((REPOSITORY / claim.where).read_text(encoding="utf-8"))
    sentence = claims.plain(claim.sentence)
    assert sentence in text
    numbers = [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", sentence)]
    assert any(
        number == pytest.approx(claim.expected * scale, rel=1e-9)
        for number in numbers
        for scale in (1, 100)  # a share, or per cent
    )
    assert claim.within < 0.1 * abs(claim.expected) or claim.within <= 1
    assert re.match(r"(grounding|python) ", claim.command)


def entry(tmp_path, **changed):
    """A file with one claim about the README."""
    one = {
        "sentence": "MIT licence; MNIST is CC BY-SA 3.0",
        "where": "README.md",
        "command": "echo 'share 0.5 of 1,000'; echo '{\"a\": [{\"b\": 3.0}]}' > x.json",
        "value": {"text": r"share ([\d.]+)"},
        "expected": 0.5,
        "within": 0.01,
        "seconds": 1,
    }
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump([one | changed]), encoding="utf-8")
    return ["--claims", str(path)]


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({}, 0, "ok"),
        ({"value": {"text": r"of ([\d,]+)"}, "expected": 1000}, 0, "ok"),
        ({"value": {"file": "x.json", "key": "a.0.b"}, "expected": 3.005}, 0, "ok"),
        ({"expected": 0.52}, 1, "0.5, not 0.52 +- 0.01"),
        ({"value": {"text": "nothing (.)"}}, 1, "nothing that was printed looks like"),
        ({"value": {"file": "y.json", "key": "a"}}, 1, "no value: FileNotFoundError"),
        ({"command": "echo why >&2; false"}, 1, "ended with 1: why"),
        ({"sentence": "MNIST is free"}, 1, "stands nowhere in README.md"),
        ({"seconds": 1000}, 0, "1 claims cost more than is left of 600 s"),
    ],
)
def test_what_is_not_so_is_found(tmp_path, capsys, changed, status, said):
    assert claims.main(entry(tmp_path, **changed)) == status
    assert said in capsys.readouterr().out


def test_a_claim_that_lacks_a_key_is_named(tmp_path):
    with pytest.raises(ValueError, match="claim 1: keys missing or unknown: sconds"):
        claims.main(entry(tmp_path, sconds=1))


def test_sentences_with_figures_are_told_from_others(tmp_path):
    text = (
        "# Title 1\n\nIt takes 3 s. Python 3.11 reads\nit, in 12 % of cases. See "
        "[there](docs/x_0.5.md).\n\n    code 0.7\n\n```\n0.8\n```\n\n| a | b |\n|---|---|\n"
        "| row | 0.25 |\n| other | x |\n"
    )
    found = [one for one in claims.sentences(text) if claims.FIGURE.search(one)]
    assert found == ["It takes 3 s.", "Python 3.11 reads it, in 12 % of cases.", "| row | 0.25 |"]
