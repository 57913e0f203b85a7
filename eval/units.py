"""How many independent judgements stand behind votes that all went one way: what the sign test of a sweep counts.

Votes of one rater, or on one prompt, may all go the way the first of them went, and a sweep has no variance from which
that could be seen, as the bootstraps by prompt and by rater see it elsewhere. So a sweep counts as the fewest of its
votes, its prompts and its raters (the effective size if what is alike within a group were the same altogether: the
design effect of Kish 1965, Survey Sampling, section 8.2, at its largest).

A grouping of which all the votes know one group only is left out, as no bootstrap is made by it: what is said then is
said of this rater, or of this prompt, alone, and a note says so (`eval.ratings_report`). But where there is one rater
and one prompt, all votes are repeats of one judgement and count once. A file without a grouping is taken at its votes.

Limits: where there are several raters, a sweep needs six of them to tell anything, however many prompts they judged;
one rater alone tells it, but of this rater only.
"""

from collections.abc import Mapping

import numpy as np

from eval.battles import Ints

_BOTH = {"prompt", "rater"}


def units(groupings: Mapping[str, Ints], part: Ints, parts: int) -> Ints:
    """The independent judgements in each of so many parts of the votes; `part` numbers the part of each vote."""
    fewest = np.bincount(part, minlength=parts)
    several = {way: of for way, of in groupings.items() if of.max() > 0}
    if not several and groupings.keys() >= _BOTH:
        return np.minimum(fewest, 1)
    for of in several.values():
        size = int(of.max()) + 1
        distinct = np.bincount(np.unique(part * size + of) // size, minlength=parts)
        fewest = np.minimum(fewest, distinct)
    return fewest


def units_of_all(groupings: Mapping[str, Ints], votes: int) -> int:
    """The independent judgements in all votes."""
    return int(units(groupings, np.zeros(votes, np.intp), 1)[0])
