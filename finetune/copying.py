"""Weights for a small GPT-2 that can copy before it has been trained.

Gradient descent finds copying circuits late: a "previous token" head must exist before an induction head pays, and the
other way round (Olsson et al. 2022, "In-context learning and induction heads"). Budgets of a few million tokens end
before that. As in Trockman & Kolter 2023, "Mimetic initialization of self-attention layers", we begin near weights of
the kind that training would end at, and leave everything else as GPT-2 initialises it. Nothing is frozen, and the
result is a stock GPT-2.

The residual stream is cut into subspaces: TOKEN (who am I), PLACE (where am I, as sinusoids), PREVIOUS (who stands
before me), START (where my sentence begins), FOUND (where a sentence begins that shares words with me), and two flags.

    layer 0   previous-token head            PLACE -> PREVIOUS
              sentence head                  the last sentence end -> START, the place after it
    layer 1   second previous-token head     PREVIOUS of the token before, turned -> PREVIOUS
              same-word head                 an earlier copy of this word -> FOUND, its START
    layer 2   gathering head                 FOUND of the rare words shortly before -> FOUND
    layer 3   opening head                   the token at place FOUND -> TOKEN
              induction head                 what followed this word before -> TOKEN
              loyal induction head           the same, preferring the sentence FOUND

All copying is in one layer: a head that reads TOKEN after another has written there would take the next token for its
own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers import GPT2LMHeadModel, PreTrainedTokenizerBase

from assistant.errors import InputError
from finetune.vocabulary import Vocabulary, known_vocabulary

_WIDTH, _HEAD = 256, 64
TOKEN, PLACE, PREVIOUS = slice(0, 80), slice(80, 120), slice(120, 168)
START, FOUND = slice(168, 208), slice(208, 248)
SENTENCE_END, RARITY = slice(248, 249), slice(249, 250)
_SLOW, _QUICK = 5, 15  # waves of PLACE: slow ones tell near from far, quick ones a place from the next
_NORM = 0.6  # of a token's and of a place's embedding, and of what a head adds to them
_HUSH = 0.2
_PAIR, _MATCH = 0.5, 25.0  # induction: weight of the word before the last against it, and sharpness
_GAIN = 2.0  # of the last layer norm: a copied token has to win against thousands of others
_ZIPF = 7.5  # how much the flag says for common tokens from the start, about one over the rank
_KINSHIP = 0.6  # how alike the tokens of one word are, "It" and " it"
_LOUDNESS = 3.0  # of the heads that copy
_LAYERS = 5
_LOUD = (10.5, 8.0, 7.5, 6.5)  # norm of one subspace after layer norm, which shares 16 among those in use; by layer


@dataclass(frozen=True, slots=True)
class _Term:
    """A part of a head's score: about `strength` where query and key read the same; both are (width, coordinates)."""

    query: Tensor
    key: Tensor
    strength: float


@dataclass(frozen=True, slots=True)
class _Maps:
    """What the heads share: position waves and the sketches of token identity."""

    turn: Tensor  # PLACE -> PLACE, one place on
    before: Tensor  # TOKEN -> PREVIOUS
    same: Tensor  # TOKEN -> fewer coordinates, to compare words
    older: Tensor  # PREVIOUS -> PREVIOUS, which marks the word before the word before
    copy: Tensor  # TOKEN -> a head's coordinates, and back


def start_copying(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerBase, seed: int = 1) -> None:
    """Set the weights of `model` in place, after an ordinary initialisation; its positions are not trained.

    Raises InputError for a shape that the layout is not made for.
    """
    shape = model.config
    if (shape.n_embd, shape.n_embd // shape.n_head) != (_WIDTH, _HEAD) or shape.n_layer < _LAYERS:
        raise InputError(
            f'model.start = "copying" is made for width {_WIDTH}, {_WIDTH // _HEAD} heads, and {_LAYERS} layers or more'
        )
    vocabulary = known_vocabulary(tokenizer)
    maker = torch.Generator().manual_seed(seed)
    size = TOKEN.stop - TOKEN.start
    waves = _frequencies(maker)
    before, same, copy = (_orthogonal(size, n, maker) for n in (PREVIOUS.stop - PREVIOUS.start, 44, _HEAD))
    sketch = PREVIOUS.stop - PREVIOUS.start
    maps = _Maps(_turning(waves), before, same, _orthogonal(sketch, sketch, maker), copy)
    with torch.no_grad():
        for block in model.transformer.h:  # what has not learned anything yet should not talk over the rest
            block.attn.c_proj.weight *= _HUSH
            block.mlp.c_proj.weight *= _HUSH
        _embeddings(model, waves, vocabulary, maker)
        _reading_heads(model, maps)
        _copying_heads(model, maps)
        model.transformer.ln_f.weight.fill_(_GAIN)
        model.transformer.ln_f.bias[RARITY] = -_ZIPF
    # The heads read places exactly, also those that few examples are long enough for.
    model.transformer.wpe.weight.requires_grad_(False)


def _frequencies(maker: torch.Generator) -> Tensor:
    """Slow waves with periods of 128 to 2,048 places, then quick ones at random, so that no two places look alike."""
    slow = math.tau / torch.logspace(7, 11, _SLOW, base=2)
    return torch.cat([slow, 0.4 + (math.pi - 0.4) * torch.rand(_QUICK, generator=maker)])


def _turning(waves: Tensor) -> Tensor:
    """The map from the sinusoids of a place to those of the next: a rotation of each (cos, sin) pair."""
    return _blocks([torch.tensor([[w.cos(), w.sin()], [-w.sin(), w.cos()]]) for w in waves])


def _orthogonal(size: int, fewer: int, maker: torch.Generator) -> Tensor:
    basis: Tensor = torch.linalg.qr(torch.randn(size, fewer, generator=maker)).Q
    return basis


def _blocks(parts: Sequence[Tensor]) -> Tensor:
    """The parts along the diagonal, zeros elsewhere."""
    whole: Tensor = torch.block_diag(*parts)  # type: ignore[no-untyped-call]
    return whole


def _embeddings(model: GPT2LMHeadModel, waves: Tensor, known: Vocabulary, maker: torch.Generator) -> None:
    words, places = model.transformer.wte.weight, model.transformer.wpe.weight
    own, shared = torch.randn(2, len(words), TOKEN.stop - TOKEN.start, generator=maker)
    identity = math.sqrt(1 - _KINSHIP) * own + math.sqrt(_KINSHIP) * shared[torch.tensor(known.kin)]
    words[:, TOKEN] = _NORM * normalize(identity, dim=1)
    words[:, PLACE.start : RARITY.stop] = 0
    words[list(known.sentence_ends), SENTENCE_END] = _NORM
    rank = torch.arange(1, len(words) + 1).log() / math.log(len(words))
    words[:, RARITY] = 2 * _NORM * (rank.clamp(min=0.6)[:, None] - 0.8)
    words[list(known.form), RARITY] = -0.6 * _NORM
    angle = torch.arange(len(places))[:, None] * waves
    places *= 0.1
    places[:, PLACE] = _NORM / math.sqrt(len(waves)) * torch.stack([angle.cos(), angle.sin()], 2).flatten(1)


def _reading_heads(model: GPT2LMHeadModel, maps: _Maps) -> None:
    """The heads that note beside each token what stands before it, and which sentence its words point to."""
    place = torch.eye(PLACE.stop - PLACE.start)
    exact = _reads(PLACE, place[:, 2 * _SLOW :])
    step_back = _Term(_reads(PLACE, maps.turn.T), _reads(PLACE, place), 60)
    _head(model, 0, 0, [step_back], (TOKEN, maps.before), PREVIOUS, 1.4)
    _head(model, 0, 1, [_recent(400), _asks(SENTENCE_END, 50)], (PLACE, maps.turn), START)
    _head(model, 1, 0, [step_back], (PREVIOUS, maps.older), PREVIOUS, 0.8)
    same = _reads(TOKEN, maps.same)
    other_place = _Term(-exact[:, :20], exact[:, :20], 40)
    _head(model, 1, 1, [_Term(same, same, 25), other_place], (START, place), FOUND, 0.9)
    _head(model, 2, 1, [_recent(500), _asks(RARITY, 25)], (FOUND, place), FOUND, 1.5)


def _copying_heads(model: GPT2LMHeadModel, maps: _Maps) -> None:
    """The heads that say a token of the past: after the same word, or at the beginning of the sentence found."""
    place = torch.eye(PLACE.stop - PLACE.start)
    after_two = _reads(TOKEN, maps.before) + _PAIR * _reads(PREVIOUS, maps.older)
    follows = _Term(after_two, _reads(PREVIOUS, torch.eye(len(maps.older))), _MATCH)
    loyal = _Term(_reads(FOUND, place[:, 14:30]), _reads(START, place[:, 14:30]), 5)
    opens = _Term(_reads(FOUND, place), _reads(PLACE, place), 30)
    for head, terms in enumerate(([follows], [opens], [follows, loyal])):
        _head(model, 3, head, terms, (TOKEN, maps.copy), TOKEN, _LOUDNESS)


def _reads(space: slice, onto: Tensor) -> Tensor:
    """A map from the whole width that reads `space` through `onto`."""
    whole = torch.zeros(_WIDTH, onto.shape[1])
    whole[space] = onto
    return whole


def _recent(strength: float) -> _Term:
    """Keys shortly before the query rather than far ones: a slow wave a quarter ahead falls off from the query on."""
    share = torch.logspace(1 - _SLOW, 0, _SLOW, base=2).sqrt().repeat_interleave(2)
    waves = torch.eye(PLACE.stop - PLACE.start)[:, : 2 * _SLOW] * share
    ahead = _blocks([torch.tensor([[0.0, 1.0], [-1.0, 0.0]])] * _SLOW)
    return _Term(_reads(PLACE, waves @ ahead), _reads(PLACE, waves), strength)


def _asks(flag: slice, strength: float) -> _Term:
    """Every query asks for keys with this flag; `_head` sets the query by its bias, hence nothing to read."""
    return _Term(torch.zeros(_WIDTH, 1), _reads(flag, torch.ones(1, 1)), strength)


def _head(
    model: GPT2LMHeadModel,
    layer: int,
    head: int,
    terms: Sequence[_Term],
    value: tuple[slice, Tensor],
    target: slice,
    loudness: float = 1.0,
) -> None:
    """Make one head: its score the sum of `terms`, its value what `value` reads, written into the space `target`."""
    attention, width = model.transformer.h[layer].attn, slice(head * _HEAD, (head + 1) * _HEAD)
    query, key, read = attention.c_attn.weight.split(_WIDTH, dim=1)
    bias, loud = attention.c_attn.bias, _LOUD[min(layer, 3)]
    query[:, width], key[:, width], read[:, width] = 0, 0, 0
    first = width.start
    for term in terms:
        own = slice(first, first + term.key.shape[1])
        share = (term.key != 0).any(1).sum() / term.key.shape[1]  # what a projection onto fewer coordinates loses
        scale = math.sqrt(term.strength * math.sqrt(_HEAD) * share) / loud
        query[:, own], key[:, own] = scale * term.query, scale * term.key
        if not term.query.any():
            bias[own] = scale * loud
        first = own.stop
    if first > width.stop:
        raise ValueError("the terms of a head need more coordinates than it has")
    space, onto = value
    read[:, width][space, : onto.shape[1]] = onto
    back = torch.eye(onto.shape[1]) if target != TOKEN else onto.T
    attention.c_proj.weight[width] = 0
    attention.c_proj.weight[width][: len(back), target] = loudness * _NORM / loud * back
