import pytest

from assistant.config import open_home, read_config
from assistant.errors import InputError


def test_defaults(tmp_path):
    config = read_config(tmp_path)
    assert (config.model, config.host, config.port) == ("bundled", "127.0.0.1", 7860)
    assert config.described()["port"] == {"value": 7860, "source": "default"}
    assert config.described()["home"] == {"value": str(tmp_path), "source": "flag"}


def test_each_layer_goes_before_the_one_below(tmp_path, monkeypatch):
    (tmp_path / "footnote.toml").write_text('model = "from-file"\nport = 1001\npassages = 3\n')
    monkeypatch.setenv("FOOTNOTE_PORT", "1002")
    monkeypatch.setenv("FOOTNOTE_PASSAGES", "4")
    described = read_config(tmp_path, passages=5, port=None).described()
    assert described["model"] == {"value": "from-file", "source": "footnote.toml"}
    assert described["port"] == {"value": 1002, "source": "environment"}
    assert described["passages"] == {"value": 5, "source": "flag"}


def test_the_home_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTNOTE_HOME", str(tmp_path / "there"))
    config = open_home()
    assert config.home == tmp_path / "there"
    assert sorted(path.name for path in config.home.iterdir()) == ["library", "logs", "models"]


@pytest.mark.parametrize(
    ("text", "named"),
    [("colour = 1", "colour"), ('port = "x"', "port"), ("port = 0", "port"), ("port = true", "port"), ("[", "TOML")],
)
def test_a_bad_file_is_refused_by_name(tmp_path, text, named):
    (tmp_path / "footnote.toml").write_text(text)
    with pytest.raises(InputError, match=named):
        read_config(tmp_path)


def test_a_bad_environment_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTNOTE_PORT", "many")
    with pytest.raises(InputError, match=r"port \(from environment\)"):
        read_config(tmp_path)


def test_a_home_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="--home"):
        open_home(tmp_path / "file")
