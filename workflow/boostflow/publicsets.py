"""What the configuration has to know of public sets: names of classes and of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

TOPTAG_PARTS = ("mask", "labels")
"""Arrays of a top-tagging file, besides p4."""
TOPTAG_CLASSES = ("qcd", "top")
"""Classes of top-tagging files by their number in the labels."""
# Type checkers take no Literal of a tuple that they would have to compute.
if TYPE_CHECKING:
    TopTagSelect = str
else:
    TopTagSelect = Literal["all", *TOPTAG_CLASSES]
    """What may be selected of a top-tagging file: all jets, or those of one class."""


def toptag_files(p4: str) -> dict[str, str]:
    """Paths of the mask and the labels that belong to `..._p4.npy`.

    Raises:
        ValueError: the name has another end.
    """
    end = "p4.npy"
    if not p4.endswith(end):
        raise ValueError(f"{p4}: name the arrays of four-momenta, *{end}")
    return {part: f"{p4.removesuffix(end)}{part}.npy" for part in TOPTAG_PARTS}


JETCLASS = {
    "label_QCD": "qcd",
    "label_Hbb": "hbb",
    "label_Hcc": "hcc",
    "label_Hgg": "hgg",
    "label_H4q": "h4q",
    "label_Hqql": "hqql",
    "label_Zqq": "zqq",
    "label_Wqq": "wqq",
    "label_Tbqq": "tbqq",
    "label_Tbl": "tbl",
}
"""Classes of JetClass (arXiv:2202.03772) by their column of 0 and 1."""

_TWO = "bb cc ss qq bc cs bq cq sq gg ee mm tauhtaue tauhtaum tauhtauh"
_FOUR = (
    "bbbb bbcc bbss bbqq bbgg bbee bbmm bbtauhtaue bbtauhtaum bbtauhtauh bbb bbc bbs bbq bbg bbe "
    "bbm cccc ccss ccqq ccgg ccee ccmm cctauhtaue cctauhtaum cctauhtauh ccb ccc ccs ccq ccg cce "
    "ccm ssss ssqq ssgg ssee ssmm sstauhtaue sstauhtaum sstauhtauh ssb ssc sss ssq ssg sse ssm "
    "qqqq qqgg qqee qqmm qqtauhtaue qqtauhtaum qqtauhtauh qqb qqc qqs qqq qqg qqe qqm gggg ggee "
    "ggmm ggtauhtaue ggtauhtaum ggtauhtauh ggb ggc ggs ggq ggg gge ggm bee cee see qee gee bmm "
    "cmm smm qmm gmm btauhtaue ctauhtaue stauhtaue qtauhtaue gtauhtaue btauhtaum ctauhtaum "
    "stauhtaum qtauhtaum gtauhtaum btauhtauh ctauhtauh stauhtauh qtauhtauh gtauhtauh qqqb qqqc "
    "qqqs bbcq ccbs ccbq ccsq sscq qqbc qqbs qqcs bcsq bcs bcq bsq csq bcev csev bqev cqev sqev "
    "qqev bcmv csmv bqmv cqmv sqmv qqmv bctauev cstauev bqtauev cqtauev sqtauev qqtauev bctaumv "
    "cstaumv bqtaumv cqtaumv sqtaumv qqtaumv bctauhv cstauhv bqtauhv cqtauhv sqtauhv qqtauhv"
)
_QCD = (
    "bbccss bbccs bbcc bbcss bbcs bbc bbss bbs bb bccss bccs bcc bcss bcs bc bss bs b ccss ccs cc "
    "css cs c ss s light"
)
JETCLASS2 = [
    *(f"x_{decay}" for decay in _TWO.split()),
    *(f"x_yy_{decay}" for decay in _FOUR.split()),
    *(f"qcd_{content}" for content in _QCD.split()),
]
"""The 188 classes of JetClass-II (arXiv:2405.12972) by `jet_label`."""
JETCLASS2_PARTS = {
    "res2p": JETCLASS2[:15],
    "res34p": JETCLASS2[15:161],
    "qcd": JETCLASS2[161:],
}
"""Parts of JetClass-II: resonances of two prongs, of three or four, and QCD jets."""

JETCLASS_SELECT = ["all", *JETCLASS2_PARTS, *JETCLASS.values(), *JETCLASS2]
"""What can be selected; `qcd` is a class of JetClass and a part of JetClass-II."""
