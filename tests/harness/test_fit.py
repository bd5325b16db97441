"""Prompts that do not fit the window: the passage loses its end; instruction, question and label stay."""

import pytest

pytest.importorskip("lm_eval")
from hypothesis import given
from hypothesis import strategies as st

from lnbench.harness import LnbenchLM
from lnbench.harness._chat import with_instruction
from lnbench.harness._fit import Fit
from tests.lm_requests import lm_request

PASSAGE = "The lake is deep. Fish live in it. " * 30
QUESTION = "How deep is the lake?"


def prompt(passage=PASSAGE, before="Answer briefly."):
    return f"{before}\n\nContext: {passage}\nQuestion: {QUESTION}\nAnswer:"


def request(passage=PASSAGE, answer=16, task="lnbench_xquad_en", text=None, number=0):
    document = {"id": "1", "passage": passage} if passage else {"id": "1"}
    settings = {"until": ["\n"], "max_gen_toks": answer}
    return lm_request("generate_until", (text or prompt(passage), settings), number, document, task)


def characters(text):
    return len(text)


def fitted(*requests, window, length=characters):
    fit = Fit()
    return fit.requests(list(requests), length, window), fit.as_json()


def counts(passages=0, answers=0, cut=0):
    return {"passages_shortened": passages, "answers_shortened": answers, "beginnings_cut": cut}


def test_what_fits_is_left_alone():
    one = request()
    assert fitted(one, window=5000) == ([one], counts())


def test_a_passage_loses_its_end_at_a_sentence():
    one = request()
    (found,), counted = fitted(one, window=400)
    text, settings = found.args
    assert len(text) + 16 <= 400 and settings == one.args[1]
    assert text.startswith("Answer briefly.\n\nContext: The lake is deep. ")
    assert text.endswith(f".\nQuestion: {QUESTION}\nAnswer:")
    assert counted == counts(passages=1)
    assert one.args[0] == prompt()  # the sample log shows what the task asked


def test_as_much_of_the_passage_as_fits_stays():
    (found,), _ = fitted(request("x" * 900), window=400)
    assert len(found.args[0]) == 400 - 16


def test_examples_on_the_same_words_keep_theirs():
    passage = "The lake is deep, and fish live in it. It is cold."
    example, question = f"{prompt(passage)} x\n\n", prompt(passage, before="")
    (found,), _ = fitted(request(passage, text=example + question), window=len(example + question) + 16 - 5)
    assert found.args[0] == example + prompt("The lake is deep, and fish live in it.", before="")


def test_without_a_passage_the_answer_gives_way():
    one = request(passage=None, answer=100, text="q" * 120)
    (found,), counted = fitted(one, window=200)
    assert found.args == ("q" * 120, {"until": ["\n"], "max_gen_toks": 80})
    assert counted == counts(answers=1)
    assert one.args[1]["max_gen_toks"] == 100


def test_an_answer_longer_than_the_window_gets_half_of_it():
    (found,), counted = fitted(request(answer=512), window=200)
    assert found.args[1]["max_gen_toks"] >= 100
    assert len(found.args[0]) + found.args[1]["max_gen_toks"] <= 200
    assert counted == counts(passages=1, answers=1)


def test_what_cannot_fit_is_counted():
    _, counted = fitted(request(passage=None, text="q" * 500), window=200)
    assert counted == counts(answers=1, cut=1)


def test_other_tasks_are_not_ours_to_change():
    one = request(task="gsm8k")
    assert fitted(one, window=100) == ([one], counts())
    no_bound = lm_request("generate_until", (prompt(), {}), doc={"passage": PASSAGE})
    assert fitted(no_bound, window=100) == ([no_bound], counts())


def test_documents_are_counted_once_and_warned_of_together(caplog):
    fit = Fit()
    requests = [request(number=number) for number in range(3)]
    for _ in range(2):
        fit.requests(requests, characters, 400)
        fit.tell()
    assert fit.as_json() == counts(passages=3)
    assert caplog.text.count("400 tokens: 3 passages lose their end\n") == 1, "no word of what is none"
    other = Fit()
    other.requests([request(number=2), request(number=7)], characters, 400)
    fit.join([fit, other])
    assert fit.as_json() == counts(passages=4)
    fit.clear()
    assert fit.as_json() == counts()


def test_one_is_told_in_the_singular(caplog):
    fit = Fit(passages={("t", 1)}, answers={("t", 1)}, cut={("t", 1), ("t", 2)})
    fit.tell()
    told = "1 passage loses its end, 1 answer gets fewer tokens than the task allows, 2 prompts still are too long and"
    assert told in caplog.text
    caplog.clear()
    one = Fit(cut={("t", 1)})
    one.tell()
    assert caplog.text.rstrip().endswith("tokens: 1 prompt still is too long and loses its beginning")


@given(st.text(alphabet="ab. é。字\n", max_size=300), st.integers(120, 600), st.integers(1, 300), st.booleans())
def test_it_fits_or_is_counted(passage, window, answer, by_bytes):
    def length(text):
        return len(text.encode() if by_bytes else text)

    one = request(passage, answer)
    (found,), counted = fitted(one, window=window, length=length)
    text, settings = found.args
    assert text.startswith("Answer briefly.\n\nContext: ") and text.endswith(f"\nQuestion: {QUESTION}\nAnswer:")
    assert 1 <= settings["max_gen_toks"] <= answer
    assert length(text) + settings["max_gen_toks"] <= window or counted["beginnings_cut"] == 1
    assert (found is one) or counted["passages_shortened"] or counted["answers_shortened"]


def test_a_passage_of_a_few_words_is_never_taken_for_the_question():
    one = request("lake")
    (found,), counted = fitted(one, window=60)
    assert found.args[0] == one.args[0] and counted == counts(answers=1, cut=1)


@pytest.fixture(scope="module")
def model(tiny_model):
    return LnbenchLM(pretrained=str(tiny_model), device="cpu", announce=False)


def test_the_model_shortens_and_its_results_say_so(model, monkeypatch):
    seen = []
    plain = type(model)._model_generate
    monkeypatch.setattr(
        type(model),
        "_model_generate",
        lambda self, context, **more: seen.append(context) or plain(self, context, **more),
    )
    (answer,) = model.generate_until([request(answer=4)], disable_tqdm=True)
    assert isinstance(answer, str)
    (context,) = seen
    shown = model.tok_decode(context[0].tolist())
    assert context.shape[1] + 4 <= model.max_length == 256
    assert shown.startswith("Answer briefly.") and shown.endswith("Answer:")
    assert model.get_model_info()["lnbench"]["window"] == {"tokens": 256, **counts(passages=1)}
    model.set_plan(None)
    assert model.get_model_info()["lnbench"]["window"] == {"tokens": 256, **counts()}


TURNS = [
    {"role": "system", "content": "Do so.\n\n"},
    {"role": "user", "content": "q"},
    {"role": "assistant", "content": "a"},
]


def test_a_template_with_a_system_role_gets_it():
    shown = with_instruction(TURNS, str)
    assert shown == TURNS


def refusing(messages):
    from jinja2.exceptions import TemplateError

    if messages[0]["role"] == "system":
        raise TemplateError("System role not supported")
    return str(messages)


@pytest.mark.parametrize("render", [refusing, lambda messages: str(messages[1:])], ids=["refuses", "leaves out"])
def test_an_instruction_without_a_system_role_begins_the_first_turn(render):
    assert with_instruction(TURNS, render) == [{"role": "user", "content": "Do so.\n\nq"}, TURNS[2]]
    assert with_instruction(TURNS[1:], render) == TURNS[1:]


def test_the_model_keeps_the_instruction_where_lm_eval_drops_it(model, monkeypatch):
    template = "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    monkeypatch.setattr(
        model.tokenizer, "chat_template", f"{template}<{{{{ m['role'] }}}}>{{{{ m['content'] }}}}{{% endfor %}}"
    )
    assert model.apply_chat_template(TURNS[:2]) == "<user>Do so.\n\nq"
