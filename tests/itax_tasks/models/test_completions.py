"""itax-completions against a loopback server that imitates each kind of server, quirks included."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("lm_eval", reason="lm_eval is the host")

from lm_eval.api.instance import Instance

from itax_metrics.errors import ConfigError, ExecutionError
from itax_tasks.models import completions
from itax_tasks.models.completions import ItaxCompletions
from itax_tasks.prompts.asked import ATTRIBUTE, HOLE, Asked

Handler = Callable[[str, dict[str, Any]], tuple[int, Any]]
"""(path, body) -> (status, answer); text is sent as it stands."""


class Server:
    """A server on the loopback interface that answers as told and keeps what it was asked."""

    def __init__(self, handle: Handler) -> None:
        self.withheld = 0
        """Bytes that are promised and never sent."""
        self.asked: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        owner = self

        class Loopback(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.asked.append((self.path, body, dict(self.headers)))
                status, answer = handle(self.path, body)
                content = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) + owner.withheld))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Loopback)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Server]]:
    """Starts servers, and stops them."""
    running: list[Server] = []

    def start(handle: Handler) -> Server:
        running.append(Server(handle))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions, "_PAUSE", 0.001)


def request(prefix: str, suffix: str | None, **settings: Any) -> Any:
    """A request as an itax task makes it."""
    text = prefix if suffix is None else prefix + HOLE + suffix
    made = Instance("generate_until", {"task_id": prefix}, (text, {"max_gen_toks": 16, "until": [], **settings}), 0)
    setattr(made, ATTRIBUTE, Asked(prefix, prefix, suffix or ""))
    return made


def middle(prefix: str, suffix: str) -> str:
    """What the imitated models answer: it depends on both sides."""
    return f"<{len(prefix)}:{len(suffix)}>"


def openai(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """A server that fills in as OpenAI's does."""
    text = middle(body["prompt"], body.get("suffix", ""))
    return 200, {"choices": [{"text": text, "finish_reason": "stop"}], "usage": {"completion_tokens": 7}}


def mistral(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """The answer in the shape of a chat."""
    text = middle(body["prompt"], body.get("suffix", ""))
    return 200, {"choices": [{"message": {"content": text}, "finish_reason": "length"}]}


def llamacpp(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """`/infill`, and `/completion` for a prefix alone."""
    if path == "/completion":
        return 200, {"content": f"plain {len(body['prompt'])}", "stop_type": "eos", "tokens_predicted": 2}
    text = middle(body["input_prefix"], body["input_suffix"])
    return 200, {"content": text, "stop_type": "limit", "tokens_predicted": 16}


def ollama(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """An empty suffix falls back to the chat template."""
    if body.get("suffix") == "":
        return 200, {"response": "Sure! Here is", "done_reason": "stop"}
    return 200, {"response": middle(body["prompt"], body.get("suffix", "")), "done_reason": "stop", "eval_count": 3}


@pytest.mark.parametrize(
    ("dialect", "handle", "path", "finish", "tokens"),
    [
        ("openai", openai, "/v1/completions", "stop", 7),
        ("deepseek", openai, "/beta/completions", "stop", 7),
        ("mistral", mistral, "/v1/fim/completions", "length", None),
        ("llamacpp", llamacpp, "/infill", "length", 16),
        ("ollama", ollama, "/api/generate", "stop", 3),
    ],
)
def test_each_dialect_fills_in(
    serve: Callable[[Handler], Server], dialect: str, handle: Handler, path: str, finish: str, tokens: int | None
) -> None:
    """Prefix and suffix reach the server in its own fields, and its answer comes back with its facts."""
    server = serve(handle)
    model = ItaxCompletions(model="m", base_url=server.url, dialect=dialect)
    (answer,) = model.generate_until([request("abc", "de")], disable_tqdm=True)
    assert ("<3:2>", finish, tokens) == (answer, answer.finish, answer.tokens)  # type: ignore[attr-defined]
    assert {path} == {asked for asked, _, _ in server.asked}


def test_ollama_never_gets_an_empty_suffix(serve: Callable[[Handler], Server]) -> None:
    """An empty one would switch it to the chat template; a line break stands in its place."""
    server = serve(ollama)
    model = ItaxCompletions(model="m", base_url=server.url, dialect="ollama", probe=False)
    assert ["<3:1>"] == model.generate_until([request("abc", "")], disable_tqdm=True)
    assert "\n" == server.asked[0][1]["suffix"]


def test_left_to_right_sends_no_suffix(serve: Callable[[Handler], Server]) -> None:
    """The l2r condition completes the prefix; llama.cpp has another path for it."""
    server = serve(llamacpp)
    model = ItaxCompletions(model="m", base_url=server.url, dialect="llamacpp")
    assert ["plain 3"] == model.generate_until([request("abc", None)], disable_tqdm=True)
    assert ["/completion"] == [path for path, _, _ in server.asked]


def test_a_server_that_ignores_the_suffix_is_refused(serve: Callable[[Handler], Server]) -> None:
    """SGLang without a completion template: equal answers to unequal suffixes."""
    server = serve(lambda path, body: (200, {"choices": [{"text": "return 1"}]}))
    model = ItaxCompletions(model="m", base_url=server.url)
    with pytest.raises(ConfigError, match="ignores the suffix"):
        model.generate_until([request("abc", "de")], disable_tqdm=True)
    assert 2 == len(server.asked)


def test_a_server_that_echoes_the_suffix_is_refused(serve: Callable[[Handler], Server]) -> None:
    """TGI appends the suffix to the answer."""
    server = serve(lambda path, body: (200, {"choices": [{"text": "x" + body["suffix"]}]}))
    model = ItaxCompletions(model="m", base_url=server.url)
    with pytest.raises(ConfigError, match="repeats the suffix"):
        model.generate_until([request("abc", "de")], disable_tqdm=True)


@pytest.mark.parametrize(
    ("dialect", "status", "said", "hint"),
    [
        ("openai", 400, "suffix is not currently supported", "use itax-vllm"),
        ("ollama", 400, "codellama:latest does not support insert", "use itax-vllm"),
        ("llamacpp", 501, "Infill is not supported by this model", "no FIM tokens"),
        ("mistral", 401, "Unauthorized", "MISTRAL_API_KEY"),
        ("openai", 404, "Not Found", "Is dialect=openai right"),
    ],
)
def test_a_refusal_is_passed_on_with_the_remedy(
    serve: Callable[[Handler], Server], dialect: str, status: int, said: str, hint: str
) -> None:
    """What the server says, and what to do; such a request is not tried again."""
    server = serve(lambda path, body: (status, said))
    model = ItaxCompletions(model="m", base_url=server.url, dialect=dialect)
    with pytest.raises(ConfigError) as caught:
        model.generate_until([request("abc", "de")], disable_tqdm=True)
    assert said in str(caught.value)
    assert hint in str(caught.value)
    assert 1 == len(server.asked)


def test_another_shape_of_answer_is_named(serve: Callable[[Handler], Server]) -> None:
    """A chat-shaped answer under the OpenAI dialect says which dialect was expected."""
    server = serve(mistral)
    model = ItaxCompletions(model="m", base_url=server.url, probe=False)
    with pytest.raises(ConfigError, match="another shape than dialect openai"):
        model.generate_until([request("abc", "de")], disable_tqdm=True)


def test_failures_that_may_pass_are_tried_again(serve: Callable[[Handler], Server]) -> None:
    """Busy twice and broken once, then an answer."""
    troubles = iter([(429, "slow down"), (503, "loading"), (200, "not JSON")])
    server = serve(lambda path, body: next(troubles, None) or openai(path, body))
    model = ItaxCompletions(model="m", base_url=server.url, probe=False, num_concurrent=1)
    assert ["<3:2>"] == model.generate_until([request("abc", "de")], disable_tqdm=True)
    assert 4 == len(server.asked)


@pytest.mark.parametrize("status", [200, 503])
def test_an_answer_that_is_cut_off_is_asked_for_again(status: int, serve: Callable[[Handler], Server]) -> None:
    """The connection ends before the length that was promised: of an answer, and of the words beside a failure."""

    def cut_off_once(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        server.withheld = 10 if len(server.asked) == 1 else 0
        return (status if server.withheld else 200), openai(path, body)[1]

    server = serve(cut_off_once)
    model = ItaxCompletions(model="m", base_url=server.url, probe=False, num_concurrent=1)
    assert ["<3:2>"] == model.generate_until([request("abc", "de")], disable_tqdm=True)
    assert 2 == len(server.asked)


def test_a_server_that_stays_away_is_an_error(serve: Callable[[Handler], Server]) -> None:
    """After the last try the message names the address and the last trouble."""
    server = serve(lambda path, body: (503, "loading"))
    model = ItaxCompletions(model="m", base_url=server.url, probe=False, max_retries=2)
    with pytest.raises(ExecutionError, match=r"no answer in 3 tries; the last: HTTP 503: loading"):
        model.generate_until([request("abc", "de")], disable_tqdm=True)


def test_keys_come_from_the_environment(serve: Callable[[Handler], Server], monkeypatch: pytest.MonkeyPatch) -> None:
    """A key among the arguments is refused; the one in the environment is sent."""
    server = serve(mistral)
    with pytest.raises(ConfigError, match="environment"):
        ItaxCompletions(model="m", base_url=server.url, dialect="mistral", api_key="secret")
    monkeypatch.setenv("MISTRAL_API_KEY", "planted")
    model = ItaxCompletions(model="m", base_url=server.url, dialect="mistral", probe=False)
    model.generate_until([request("abc", "de")], disable_tqdm=True)
    assert "Bearer planted" == server.asked[0][2]["Authorization"]


def test_requests_run_at_once_and_answers_keep_their_order(serve: Callable[[Handler], Server]) -> None:
    """Four are under way together: the server answers none before the fourth has arrived."""
    gate = threading.Barrier(4, timeout=20)

    def together(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        gate.wait()
        return openai(path, body)

    server = serve(together)
    model = ItaxCompletions(model="m", base_url=server.url, probe=False, num_concurrent=4)
    found = model.generate_until([request("a" * n, "de") for n in range(1, 9)], disable_tqdm=True)
    assert [f"<{n}:2>" for n in range(1, 9)] == found


def test_answers_are_kept_as_they_come(serve: Callable[[Handler], Server]) -> None:
    """What came before a failure is in lm-eval's cache, under the very arguments of its request."""
    server = serve(lambda path, body: openai(path, body) if len(body["prompt"]) < 3 else (400, "bad"))
    model = ItaxCompletions(model="m", base_url=server.url, probe=False, num_concurrent=1)
    kept: list[tuple[Any, str]] = []

    class Hook:
        def add_partial(self, attribute: str, arguments: Any, answer: str) -> None:
            kept.append((arguments, answer))

    model.cache_hook = Hook()
    asked = [request("a", "de"), request("aa", "de"), request("aaa", "de")]
    with pytest.raises(ConfigError, match="HTTP 400"):
        model.generate_until(asked, disable_tqdm=True)
    assert [(one.args, text) for one, text in zip(asked, ["<1:2>", "<2:2>"], strict=False)] == kept


def test_a_stop_that_the_server_leaves_in_is_cut(serve: Callable[[Handler], Server]) -> None:
    """Servers differ in whether the stop belongs to the text; the stored text ends before it."""
    server = serve(lambda path, body: (200, {"choices": [{"text": "x = 1\nEND y", "finish_reason": "length"}]}))
    model = ItaxCompletions(model="m", base_url=server.url, probe=False)
    (answer,) = model.generate_until([request("abc", "de", until=["END"])], disable_tqdm=True)
    assert ("x = 1\n", "stop", "END") == (answer, answer.finish, answer.ended_by)  # type: ignore[attr-defined]


def test_limits_of_a_server_are_said_before_it_is_asked(serve: Callable[[Handler], Server]) -> None:
    """DeepSeek gives 4,096 tokens at most."""
    server = serve(openai)
    model = ItaxCompletions(model="m", base_url=server.url, dialect="deepseek", probe=False)
    with pytest.raises(ConfigError, match="at most 4096 new tokens, not 5000"):
        model.generate_until([request("abc", "de", max_gen_toks=5000)], disable_tqdm=True)
    assert [] == server.asked
